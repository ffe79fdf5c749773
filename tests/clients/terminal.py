"""Programs that want a screen, in a terminal of their own: typed at when they show what is waited for."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

ESCAPES = re.compile(rb"\x1b(\[[0-9;?>=]*[A-Za-z@`]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>78DEHMNOZc])|[\x0e\x0f\r]")


class Terminal:
    """A program with a screen of 40 lines; every wait is bounded, and `drawn` keeps all that it drew, without what moves the cursor."""

    def __init__(self, command, environment):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.environ.update({"TERM": "xterm", "SHELL": "/bin/sh", "LINES": "40", "COLUMNS": "120", **environment})
            os.execvp(command[0], command)
        self.raw, self.seen, self.status, self.open, self.columns = b"", 0, None, True, 120
        self.resize()

    @property
    def drawn(self):
        return ESCAPES.sub(b" ", self.raw).decode(errors="replace")

    def more(self, patience):
        """Reads what comes within that time; False when it has closed its screen."""
        if self.open and select.select([self.terminal], [], [], max(0, patience))[0]:
            try:
                piece = os.read(self.terminal, 65536)
            except OSError:  # the program has ended
                piece = b""
            self.raw += piece
            self.open = bool(piece)
        return self.open

    def resize(self):
        """By a column more or less: what follows the size of its screen draws all of it anew."""
        self.columns = 241 - self.columns
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, self.columns, 0, 0))

    def shows(self, pattern, patience=30):
        """Waits until it draws this, behind what was waited for last; did it?"""
        until = time.monotonic() + patience
        while True:
            found = re.search(pattern, self.drawn[self.seen:])
            if found:
                self.seen += found.end()
                return True
            if not self.open or time.monotonic() > until:
                return False
            self.more(min(0.5, until - time.monotonic()))

    def comes_to_show(self, pattern, patience=30):
        """The same of a program that draws only what changes, letter by letter: it is made to draw all of it, until it does."""
        until = time.monotonic() + patience
        while self.open and time.monotonic() < until:
            self.resize()
            if self.shows(pattern, 0.3):
                return True
        return False

    def keys(self, text):
        os.write(self.terminal, text.encode() if isinstance(text, str) else text)

    def end(self, patience=60):
        """Waits until it has ended; its exit status, or None where it had to be killed."""
        if self.status is not None:
            return self.status
        until = time.monotonic() + patience
        while self.more(0.5):
            if time.monotonic() > until:
                os.kill(self.child, signal.SIGKILL)
                break
        ended = os.waitpid(self.child, 0)[1]
        os.close(self.terminal)
        self.open = False
        self.status = os.WEXITSTATUS(ended) if os.WIFEXITED(ended) else None
        return self.status
