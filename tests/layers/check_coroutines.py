#!/usr/bin/env python3
"""A lint of the writing rules for coroutines (server/net/task.h): other forms are broken in silence by g++ 12.

co_await stands only in
    co_await f(x);      T r = co_await f(x);      T r(co_await f(x));      r = co_await f(x);      co_return co_await f(x);
never in a condition, an operator, ?:, braces or the arguments of a call. The awaited call's arguments hold no braces, no
lambda, no ?: and no further co_await. A lambda that captures is never itself a coroutine: its captures die with the lambda
object. No lock is held across a co_await: the session may go on on another thread.

    check_coroutines.py ROOT          checks server/, admin/ and scanner/; exit 1 and one line a fault
    check_coroutines.py --self-test   proves that faults are found
"""
import bisect
import pathlib
import re
import sys

TOKEN = re.compile(
    r'''(?P<skip>\s+|//[^\n]*|/\*.*?\*/|^[ \t]*\#(?:[^\n\\]|\\.)*)
      | (?P<raw>(?:u8|[uUL])?R"(?P<fence>[^()\\\s]{0,16})\(.*?\)(?P=fence)")
      | (?P<string>(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*")
      | (?P<number>\.?\d(?:[\w.]|'(?=\w)|(?<=[eEpP])[+-])*)
      | (?P<char>(?:u8|[uUL])?'(?:[^'\\\n]|\\.)+')
      | (?P<name>[A-Za-z_]\w*)
      | (?P<op>->\*|->|::|<=>|<<=|>>=|\.\.\.|\+\+|--|&&|\|\||[-+*/%&|^=!<>]=|<<|.)''',
    re.VERBOSE | re.DOTALL | re.MULTILINE)

OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}
COROUTINE = {"co_await", "co_return", "co_yield"}
NO_TYPE = {"co_return", "return", "co_yield", "co_await", "throw", "new", "delete", "else", "do", "case", "goto"}
BEFORE_BLOCK = {")", "else", "do", "try", ";", "{", "}", ":", "const", "noexcept", "override", "mutable", "final"}
LOCKS = {"lock_guard", "unique_lock", "scoped_lock", "shared_lock"}


class Source:
    """The tokens of one file, with matching brackets."""

    def __init__(self, text):
        self.tokens, self.offsets, self.is_name = [], [], []
        for match in TOKEN.finditer(text):
            if match.lastgroup == "skip" or match.group("skip") is not None:
                continue
            literal = match.group("raw") or match.group("string") or match.group("char") or match.group("number")
            self.tokens.append('""' if literal else match.group())
            self.is_name.append(match.group("name") is not None)
            self.offsets.append(match.start())
        self.newlines = [at for at, c in enumerate(text) if c == "\n"]
        self.match, stack = {}, []
        for at, token in enumerate(self.tokens):
            if token in OPEN:
                stack.append(at)
            elif token in CLOSE and stack:
                first = stack.pop()
                self.match[first], self.match[at] = at, first
        self.lambdas = list(self.find_lambdas())

    def line(self, at):
        return bisect.bisect_left(self.newlines, self.offsets[at]) + 1

    def get(self, at):
        return self.tokens[at] if 0 <= at < len(self.tokens) else ";"

    def is_block(self, brace):
        """True for { of statements, false for { of an initialiser."""
        if self.get(brace - 1) in BEFORE_BLOCK:
            return True
        at, end = brace + 1, self.match.get(brace, len(self.tokens))
        while at < end:
            if self.get(at) == ";":
                return True
            at = self.match.get(at, at) + 1 if self.get(at) in OPEN else at + 1
        return False

    def find_lambdas(self):
        """(has captures, body's first token, body's last token)"""
        for at, token in enumerate(self.tokens):
            if token != "[" or at not in self.match:
                continue
            before = self.get(at - 1)
            if before == "[" or self.get(at + 1) == "[":
                continue  # [[attribute]]
            if before in {")", "]", ">", '""'} or (self.is_name[at - 1] if at else False) and before not in NO_TYPE | {"auto"}:
                continue  # subscript
            if before == "auto" or (before in {"&", "&&"} and self.get(at - 2) == "auto"):
                continue  # structured binding
            end = self.match[at]
            body = end + 1
            if self.get(body) == "<":  # template parameters
                depth = 0
                while body < len(self.tokens):
                    depth += {"<": 1, ">": -1}.get(self.get(body), 0)
                    body += 1
                    if depth == 0:
                        break
            if self.get(body) == "(":
                body = self.match.get(body, body) + 1
            while body < len(self.tokens) and self.get(body) not in {"{", ";", ")", ","}:
                body = self.match.get(body, body) + 1 if self.get(body) == "(" else body + 1
            if self.get(body) == "{" and body in self.match:
                yield end > at + 1, body, self.match[body]

    def lambda_of(self, at):
        inside = [entry for entry in self.lambdas if entry[1] < at < entry[2]]
        return max(inside, key=lambda entry: entry[1], default=None)

    def starts_statement(self, at):
        """True when a statement may begin at token `at`."""
        before = self.get(at - 1)
        if before in {";", "else", "do"}:
            # The ; of a for header or of if (init; condition) lies in parentheses.
            return before != ";" or not self.in_parentheses(at - 1)
        if before == "}":
            return True
        if before == "{":
            return self.is_block(at - 1)
        if before == ")":
            opened = self.match.get(at - 1, 0)
            return self.get(opened - 1) in {"if", "for", "while", "switch"} or \
                (self.get(opened - 1) == "constexpr" and self.get(opened - 2) == "if")
        if before == ":":  # a label, not ?:
            back = at - 2
            while back >= 0 and self.get(back) not in {";", "{", "}", "?", ":"}:
                back -= 1
            return self.get(back) != "?" and (self.get(back + 1) in {"case", "default"} or back + 2 == at - 1)
        return False

    def in_parentheses(self, at):
        """True when the innermost bracket around `at` is a parenthesis."""
        depth = 0
        for back in range(at - 1, -1, -1):
            token = self.tokens[back]
            if token in CLOSE:
                depth += 1
            elif token in OPEN:
                if depth == 0:
                    return token == "("
                depth -= 1
        return False

    def statement_start(self, at):
        """Walks back over what may stand left of =, or a type and a name; the first token of the statement, or None."""
        while not self.starts_statement(at):
            token = self.get(at - 1)
            if token == "]":
                at = self.match.get(at - 1, 0)
                if self.get(at - 1) in {"auto", "&", "&&"}:
                    return None  # structured binding straight from co_await
            elif self.is_name[at - 1] and token not in NO_TYPE or token in {"::", "<", ">", ",", "*", "&", "&&", ".", "->"}:
                at -= 1
            else:
                return None
        return at

    def call_end(self, at):
        """`at` is the first token after co_await: the token after the awaited call, or None and why."""
        called = False
        while True:
            token = self.get(at)
            if token in {"(", "["}:
                inner = self.tokens[at + 1:self.match.get(at, at)]
                for offset, word in enumerate(inner):
                    here = at + 1 + offset
                    if word == "{":
                        return None, "braces or a lambda in the arguments: name it first"
                    if word == "[" and self.get(here - 1) in {"(", ","}:
                        return None, "a lambda in the arguments: name it first"
                    if word == "?":
                        return None, "?: in the arguments: name the value first"
                    if word == "co_await":
                        return None, "co_await in the arguments of a co_await"
                called = token == "("
                at = self.match.get(at, at) + 1
            elif token == "<":  # template arguments, or an operator
                end = at
                depth = 0
                while self.get(end) not in {";", "{", "}"}:
                    depth += {"<": 1, ">": -1}.get(self.get(end), 0)
                    end += 1
                    if depth == 0:
                        break
                if depth != 0 or self.get(end) != "(":
                    return None, "an operator behind co_await: name the result first"
                at = end
            elif token in {"::", ".", "->"} or (at < len(self.tokens) and self.is_name[at] and token not in COROUTINE):
                called = False
                at += 1
            elif token == "*" and not called and self.get(at - 1) == "co_await":
                at += 1
            else:
                return (at, "") if called else (None, "co_await of something that is not a call")


def faults_of(path, text):
    source = Source(text)
    faults = []

    def fault(at, why):
        faults.append(f"{path}:{source.line(at)}: {why}")

    for at, token in enumerate(source.tokens):
        if token in COROUTINE:
            inside = source.lambda_of(at)
            if inside and inside[0]:
                fault(at, f"{token} in a lambda that captures: make the coroutine a function")
        if token in LOCKS:
            end = at  # of the block that holds the lock
            while end < len(source.tokens) and source.get(end) != "}":
                end = source.match.get(end, end) + 1 if source.get(end) in OPEN else end + 1
            for later in range(at, end):
                if source.get(later) == "co_await" and source.lambda_of(later) == source.lambda_of(at):
                    fault(later, f"co_await while a {token} is held")
                    break
        if token != "co_await" or source.get(at - 1) == "operator":
            continue
        end, why = source.call_end(at + 1)
        if end is None:
            fault(at, why)
            continue
        before = source.get(at - 1)
        bad = "co_await stands in an expression: give its result a name"
        if before == "=":
            start = source.statement_start(at - 1)
            if start is None or start == at - 1 or source.get(end) != ";":
                fault(at, bad)
        elif before == "(":
            name = at - 2  # T r(co_await f(x));
            start = source.statement_start(name) if source.is_name[name] else None
            type_of = source.tokens[start:name] if start is not None else []
            if not type_of or type_of[-1] == "::" or {".", "->"} & set(type_of) or \
                    source.get(end) != ")" or source.get(end + 1) != ";":
                fault(at, bad)
        elif before == "co_return":
            if not source.starts_statement(at - 1) or source.get(end) != ";":
                fault(at, bad)
        elif not source.starts_statement(at) or source.get(end) != ";":
            fault(at, bad)
    return faults


def check(root):
    faults, awaits = [], 0
    for top in ("server", "admin", "scanner"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix in {".h", ".cpp"} and file.is_file():
                text = file.read_text(encoding="utf-8")
                awaits += text.count("co_await")
                if "co_" in text or "Task<" in text:
                    faults += faults_of(file.relative_to(root).as_posix(), text)
    if awaits == 0:
        faults.append(f"{root}: no co_await found")
    return faults, awaits


WRONG = [
    "if (co_await f()) co_return x;",
    "if (!co_await f()) x();",
    "while (co_await f()) x();",
    "for (;;) { if (co_await f()) break; }",
    "for (auto x = co_await f(); x;) y();",
    "for (auto x : co_await f()) y();",
    "if (auto x = co_await f(); x) y();",
    "switch (co_await f()) { case 1: co_return 2; }",
    "auto r = a && co_await f();",
    "auto r = co_await f() && a;",
    "auto r = co_await f() + 1;",
    "auto r = co_await f() < 1;",
    "auto r = !co_await f();",
    "auto r = c ? co_await f() : T();",
    "auto r = c ? T() : co_await f();",
    "auto r = (co_await f());",
    "r += co_await f();",
    "auto [a, b] = co_await f();",
    "const auto& [a, b] = co_await f();",
    "Agg g{co_await a(), 3};",
    "Agg g = {co_await a(), 3};",
    "auto v = std::vector<T>{co_await a()};",
    "T r(co_await a(), 1);",
    "T r(1, co_await a());",
    "g(co_await f());",
    "s.g(co_await f());",
    "N::g(co_await f());",
    "if (x) g(co_await f());",
    "co_return g(co_await f());",
    "co_return T(co_await f());",
    "co_return 1 + co_await f();",
    "co_return co_await f() + 1;",
    "co_await f({a, 1});",
    "co_await f(Agg{a, 1});",
    "co_await f([t] { return t; });",
    "co_await f(x, [&] { y(); });",
    "co_await f(c ? T() : T(1));",
    "co_await f(co_await g());",
    "co_await M{}.size();",
    "co_await x;",
    "auto l = [x]() -> Task<> { co_await f(x); };",
    "auto l = [&] { co_return; };",
    "auto l = [this, y = std::move(y)](int z) mutable -> Task<int> { co_return z; };",
    "g([=]() -> Task<> { co_await f(); });",
    "std::lock_guard lock(m); co_await f();",
    "const std::unique_lock<std::mutex> lock(m); if (x) { auto r = co_await f(); }",
    'auto s = "co_await f();"; if (co_await f()) x();',
    "label: auto x = 1 + co_await f();",
]
RIGHT = [
    "co_await f(x);",
    "co_await s.stream().line(max);",
    "co_await a->b(std::move(x), 1, g(y, h()));",
    "co_await strand.offload<int>(std::move(f));",
    "if (x) co_await f();",
    "if (x) { co_await f(); } else co_await g();",
    "for (auto& x : all) co_await f(x);",
    "for (int i = 0; i < 3; ++i) r = co_await f(i);",
    "while (x) { co_await f(); }",
    "do co_await f(); while (x);",
    "const std::string line(co_await stream.line(8192));",
    "const std::map<int, std::vector<T>> m = co_await f();",
    "T* r = co_await f();",
    "state_.x = co_await f();",
    "all[i] = co_await f();",
    "this->x = co_await f();",
    "if (x) r = co_await f();",
    "if constexpr (x) r = co_await f();",
    "co_return co_await f(x);",
    "if (x) co_return co_await f(x);",
    "switch (x) { case 1: co_await f(); break; case A::b: r = co_await g(); break; default: co_return co_await h(); }",
    "try { co_await f(); } catch (const E&) { bad = true; }",
    "auto l = [](Strand& s) -> Task<> { co_await f(s); };",
    "auto l = [t] { return t; }; co_await f(std::move(l));",
    "{ const std::lock_guard lock(m); x(); } co_await f();",
    "auto session = [p](Strand& s, Socket k) { return run(s, std::move(k)); };",
    "// if (co_await f())\n/* g(co_await f()) */ co_await f();",
    'auto s = R"x(if (co_await f()))x"; co_await f();',
    "const auto big = 1'000'000; co_await f(big); const auto c = 'x';",
    "auto operator co_await() const { return a; }",
    "#define X if (co_await f())\nco_await f();",
    "int a[3]; a[0] = 1; co_await f(a[1]);",
    "const auto r = co_await f(a < b, c > d);",
]


def self_test():
    failed = []
    for body in WRONG:
        if not faults_of("sample", "Task<> sample()\n{\n" + body + "\n}\n"):
            failed.append(f"not found: {body}")
    for body in RIGHT:
        if faults := faults_of("sample", "Task<> sample()\n{\n" + body + "\n}\n"):
            failed.append(f"false alarm: {body}: {faults}")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        failed = self_test()
        print("\n".join(failed) or f"{len(WRONG)} wrong samples found, {len(RIGHT)} right ones passed")
        return 1 if failed else 0
    faults, awaits = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(faults) or f"{awaits} co_await, all in the shapes that every compiler gets right")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
