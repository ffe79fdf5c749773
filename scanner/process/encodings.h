#pragma once

namespace postfach::scanner {

// Opens every character set that libclamav converts from, and keeps it open: the C library loads each from a module of its
// own, which a confined worker could no longer do. Without it Office macros in Windows-1252 went unread.
void loadEncodings();

} // namespace postfach::scanner
