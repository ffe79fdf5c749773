// Encoded words, RFC 2047, read the way mail really writes them.
#include "server/base/text.h"
#include "server/mail/decode.h"
#include "server/mail/header.h"
#include "server/mail/lines.h"

#include <algorithm>
#include <optional>

namespace postfach::mail {

namespace {

constexpr std::size_t kCharsetName = 60; // the longest registered name has 45 characters (RFC 2978)

struct Word {
    std::string_view charset; // without the language of RFC 2231 5
    char encoding = 'q';      // lower case: q or b
    std::string_view text;
    std::size_t length = 0; // of the whole word
};

std::string decodeQ(std::string_view text)
{
    std::string spaced; // such that none is white space at the end of a line
    spaced.reserve(text.size());
    for (const char c : text)
        if (c == '_' || c == ' ')
            spaced += "=20";
        else
            spaced += c;
    return decodeQuotedPrintable(spaced);
}

class WordReader {
public:
    explicit WordReader(std::string_view text) : text_(text) {}

    std::string run()
    {
        while (at_ < text_.size()) {
            const std::size_t start = text_.find("=?", at_);
            if (start == std::string_view::npos)
                break;
            const std::optional<Word> word = wordAt(start);
            if (!word) {
                plain(text_.substr(at_, start + 2 - at_));
                at_ = start + 2;
                continue;
            }
            // White space between two encoded words is not shown (RFC 2047 6.2). Between words of one charset not even a
            // character ends: programs cut in the middle of multi-byte ones.
            const std::string_view between = text_.substr(at_, start - at_);
            const bool only_space = std::all_of(between.begin(), between.end(), isSpace);
            if (!behind_word_ || !only_space)
                plain(between);
            if (!base::iequals(word->charset, charset_)) {
                flushWords();
                charset_ = word->charset;
            }
            bytes_ += word->encoding == 'b' ? decodeBase64(word->text) : decodeQ(word->text);
            behind_word_ = true;
            at_ = start + word->length;
        }
        plain(text_.substr(std::min(at_, text_.size())));
        flushWords();
        // What was encoded may not bring line ends into a text that stands on one line.
        std::replace_if(out_.begin(), out_.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
        return std::move(out_);
    }

private:
    void flushWords()
    {
        if (!bytes_.empty())
            out_ += toUtf8(charset_, bytes_);
        bytes_.clear();
        charset_.clear();
    }

    void plain(std::string_view text)
    {
        flushWords();
        behind_word_ = false;
        if (base::isUtf8(text))
            out_ += text;
        else
            out_ += toUtf8("windows-1252", text);
    }

    // =?charset?encoding?text?= at `start`. Nothing is looked at twice: a missing "?=" is remembered.
    std::optional<Word> wordAt(std::size_t start)
    {
        const std::size_t name = start + 2;
        std::size_t i = name;
        while (i < text_.size() && i - name <= kCharsetName && text_[i] != '?' && !isSpace(text_[i]))
            ++i;
        if (i == name || i + 2 >= text_.size() || text_[i] != '?' || text_[i + 2] != '?')
            return std::nullopt;
        Word word;
        word.charset = text_.substr(name, i - name);
        word.charset = word.charset.substr(0, word.charset.find('*'));
        word.encoding = base::asciiLower(text_[i + 1]);
        if ((word.encoding != 'q' && word.encoding != 'b') || !knows(word.charset))
            return std::nullopt;
        const std::size_t begin = i + 3;
        if (begin >= no_end_behind_)
            return std::nullopt;
        const std::size_t end = text_.find("?=", begin);
        if (end == std::string_view::npos) {
            no_end_behind_ = begin;
            return std::nullopt;
        }
        word.text = text_.substr(begin, end - begin);
        word.length = end + 2 - start;
        return word;
    }

    bool knows(std::string_view charset)
    {
        if (!charset.empty() && charset == known_)
            return true;
        if (!isKnownCharset(charset))
            return false;
        known_ = charset;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t no_end_behind_ = std::string_view::npos;
    std::string out_, charset_, bytes_;
    std::string_view known_;
    bool behind_word_ = false;
};

} // namespace

std::string decodeWords(std::string_view unfolded)
{
    return WordReader(unfolded).run();
}

} // namespace postfach::mail
