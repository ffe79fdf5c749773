#pragma once
// The content with which the scanner proves itself before it serves: the EICAR test file in several wrappings, an encrypted
// archive, and clean mail. All is put together while running, so that no other scanner takes this program for the test file.
#include <string>
#include <string_view>

namespace postfach::scanner::samples {

std::string eicar();
// One stored (not compressed) member. `encrypted` sets the flag alone: enough for the scanner to know that it cannot look in.
std::string zip(std::string_view name, std::string_view content, bool encrypted = false);
std::string mail(std::string_view attachment_name, std::string_view attachment); // base64, behind a Received: line
std::string cleanMail();

} // namespace postfach::scanner::samples
