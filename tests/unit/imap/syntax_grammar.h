#pragma once
// A strict reader of what FETCH answers, written apart from the writer, and the promises that hold for every message: the
// answers keep the grammar, the sections are the message's own bytes. For the corpus test and for the fuzzer.
#include "server/imap/syntax/fetch.h"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::test {

// Strict reader of body and envelope, RFC 3501 section 9, written apart from the writer. Throws what is wrong.
class FetchGrammar {
public:
    explicit FetchGrammar(std::string_view text) : text_(text) {}

    void envelope()
    {
        expect('(');
        nstring();
        expect(' ');
        nstring();
        for (int i = 0; i < 6; ++i) {
            expect(' ');
            addresses();
        }
        expect(' ');
        nstring();
        expect(' ');
        nstring();
        expect(')');
    }

    void body(bool extended, int depth = 0)
    {
        if (depth > 110)
            wrong("depth");
        expect('(');
        if (peek() == '(')
            multipart(extended, depth);
        else
            single(extended, depth);
        expect(')');
    }

    void end()
    {
        if (at_ != text_.size())
            wrong("leftovers");
    }

private:
    [[noreturn]] void wrong(const std::string& what) const
    {
        throw std::runtime_error(what + " at " + std::to_string(at_) + ": " + std::string(text_.substr(at_, 60)));
    }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void expect(char c)
    {
        if (peek() != c)
            wrong(std::string("expected ") + c);
        ++at_;
    }
    bool tryNil()
    {
        if (text_.substr(at_, 3) != "NIL")
            return false;
        at_ += 3;
        return true;
    }

    void number()
    {
        const std::size_t start = at_;
        while (peek() >= '0' && peek() <= '9')
            ++at_;
        if (at_ == start || at_ - start > 10)
            wrong("number");
    }

    std::string string()
    {
        std::string out;
        if (peek() == '{') {
            ++at_;
            const std::size_t start = at_;
            number();
            const std::size_t size = std::stoul(std::string(text_.substr(start, at_ - start)));
            expect('}');
            expect('\r');
            expect('\n');
            if (size > text_.size() - at_)
                wrong("literal");
            out = text_.substr(at_, size);
            at_ += size;
            if (out.find('\0') != std::string::npos)
                wrong("NUL in a literal");
            return out;
        }
        expect('"');
        while (peek() != '"') {
            if (peek() == '\\') {
                ++at_;
                if (peek() != '"' && peek() != '\\')
                    wrong("escape");
            }
            const auto c = static_cast<unsigned char>(peek());
            if (c == '\r' || c == '\n' || c == 0 || c >= 0x80)
                wrong("byte in quotes");
            out += peek();
            ++at_;
        }
        ++at_;
        return out;
    }

    bool nstring()
    {
        if (tryNil())
            return false;
        string();
        return true;
    }

    void addresses()
    {
        if (tryNil())
            return;
        expect('(');
        bool in_group = false;
        do {
            expect('(');
            nstring();
            expect(' ');
            nstring();
            expect(' ');
            const bool has_mailbox = nstring();
            expect(' ');
            const bool has_host = nstring();
            expect(')');
            if (has_host && !has_mailbox)
                wrong("host without mailbox");
            if (!has_host) { // RFC 3501 7.4.2: begin and end of a group
                if (in_group == has_mailbox)
                    wrong("group");
                in_group = has_mailbox;
            }
        } while (peek() == '(');
        expect(')');
        if (in_group)
            wrong("open group");
    }

    void parameters()
    {
        if (tryNil())
            return;
        expect('(');
        for (;;) {
            string();
            expect(' ');
            string();
            if (peek() == ')')
                break;
            expect(' ');
        }
        expect(')');
    }

    void dispositionLanguageLocation()
    {
        expect(' ');
        if (!tryNil()) {
            expect('(');
            string();
            expect(' ');
            parameters();
            expect(')');
        }
        expect(' ');
        if (peek() == '(') {
            expect('(');
            string();
            while (peek() == ' ') {
                ++at_;
                string();
            }
            expect(')');
        } else {
            nstring();
        }
        expect(' ');
        nstring();
    }

    void multipart(bool extended, int depth)
    {
        while (peek() == '(')
            body(extended, depth + 1);
        expect(' ');
        string();
        if (!extended)
            return;
        expect(' ');
        parameters();
        dispositionLanguageLocation();
    }

    void single(bool extended, int depth)
    {
        const std::string type = string();
        expect(' ');
        const std::string subtype = string();
        if (type.empty() || subtype.empty() || type == "multipart")
            wrong("type");
        expect(' ');
        parameters();
        expect(' ');
        nstring();
        expect(' ');
        nstring();
        expect(' ');
        string();
        expect(' ');
        number();
        const bool is_message = type == "message" && subtype == "rfc822";
        if (is_message) {
            expect(' ');
            envelope();
            expect(' ');
            body(extended, depth + 1);
        }
        if (is_message || type == "text") {
            expect(' ');
            number();
        }
        if (!extended)
            return;
        expect(' ');
        nstring();
        dispositionLanguageLocation();
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

inline std::string checkAnswers(const mail::Summary& summary)
{
    std::string envelope, body, structure;
    imap::putEnvelope(envelope, summary.envelope());
    imap::putBodyStructure(body, summary, false);
    imap::putBodyStructure(structure, summary, true);
    try {
        FetchGrammar first(envelope), second(body), third(structure);
        first.envelope();
        first.end();
        second.body(false);
        second.end();
        third.body(true);
        third.end();
    } catch (const std::runtime_error& wrong) {
        return wrong.what();
    }
    return {};
}

inline std::optional<std::string> bytesOf(const mail::Summary& summary, const std::string& message, std::vector<std::uint32_t> part,
                                   imap::BodySection::What what)
{
    imap::BodySection section;
    section.part = std::move(part);
    section.what = what;
    const auto bytes = imap::findSectionBytes(section, summary, message);
    if (!bytes)
        return std::nullopt;
    return bytes->made ? *bytes->made : message.substr(bytes->offset, bytes->length);
}

// Section numbers and the part each names, for everything that has a number.
inline void numbersOf(const mail::Structure& structure, std::uint32_t root, const std::vector<std::uint32_t>& prefix,
               std::vector<std::pair<std::vector<std::uint32_t>, std::uint32_t>>& out)
{
    const mail::Part& message = structure.parts[root];
    const bool is_multipart = message.kind == mail::Part::Kind::multipart;
    const std::vector<std::uint32_t> children = is_multipart ? message.children : std::vector<std::uint32_t>{root};
    for (std::uint32_t i = 0; i < children.size(); ++i) {
        auto number = prefix;
        number.push_back(i + 1);
        const mail::Part& part = structure.parts[children[i]];
        out.emplace_back(number, children[i]);
        if (part.kind == mail::Part::Kind::multipart)
            numbersOf(structure, children[i], number, out);
        else if (part.kind == mail::Part::Kind::message)
            numbersOf(structure, part.children.front(), number, out);
    }
}

inline std::string checkSections(const mail::Summary& summary, const std::string& message)
{
    using What = imap::BodySection::What;
    const auto header = bytesOf(summary, message, {}, What::header), text = bytesOf(summary, message, {}, What::text);
    if (!header || !text || *header + *text != message)
        return "HEADER and TEXT are not the message";
    std::vector<std::pair<std::vector<std::uint32_t>, std::uint32_t>> numbers;
    numbersOf(summary.structure, 0, {}, numbers);
    for (const auto& [number, index] : numbers) {
        const mail::Part& part = summary.structure.parts[index];
        if (bytesOf(summary, message, number, What::whole) != std::string(part.body(message)))
            return "a part's body";
        if (bytesOf(summary, message, number, What::mime) != std::string(part.header(message)))
            return "a part's header";
        const bool is_message = part.kind == mail::Part::Kind::message;
        const auto inner_header = bytesOf(summary, message, number, What::header), inner_text = bytesOf(summary, message, number, What::text);
        if (is_message != inner_header.has_value() || is_message != inner_text.has_value())
            return "HEADER or TEXT of a part";
        if (is_message && *inner_header + *inner_text != part.body(message))
            return "HEADER and TEXT are not the inner message";
    }
    return {};
}

// Empty, or what is wrong.
inline std::string checkFetch(const std::string& message)
{
    const mail::Summary summary = mail::summarize(message);
    const auto again = mail::deserialize(mail::serialize(summary));
    if (!again)
        return "the summary does not come back";
    const std::string answers = checkAnswers(*again);
    return answers.empty() ? checkSections(*again, message) : answers;
}

} // namespace postfach::test
