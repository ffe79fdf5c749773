#pragma once
// What the program can do. A mode drives its clients in the loop and prints one line of figures; one that holds something
// open prints a line with "ready" first and then obeys what is said on standard input, to its end.
#include "tests/bench/load/figures.h"
#include "tests/bench/load/speak.h"

namespace postfach::load {

void idle(Loop& loop, const Options& options);
void login(Loop& loop, const Options& options);
void canary(Loop& loop, const Options& options);
void stall(Loop& loop, const Options& options);
void trickle(Loop& loop, const Options& options);
void halfOpen(Loop& loop, const Options& options);
void flood(Loop& loop, const Options& options);
void deliver(Loop& loop, const Options& options);
void append(Loop& loop, const Options& options);
void ask(Loop& loop, const Options& options);
void retr(Loop& loop, const Options& options);
void maildrop(Loop& loop, const Options& options);

} // namespace postfach::load
