// Plays the dialogs of this folder: conversations as a person would type them, several at a time. README.md has the format.
#include "tests/support/catch.h"
#include "tests/support/test_server.h"
#include "tests/support/paths.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <utility>

using namespace postfach::test;

namespace {

struct Wrong : std::runtime_error { using runtime_error::runtime_error; };

std::string unescaped(const std::string& text) // \r \n \0 \\ and \xNN; everything else stays
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        switch (text[++i]) {
        case 'r': out += '\r'; break;
        case 'n': out += '\n'; break;
        case '0': out += '\0'; break;
        case 'x':
            out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
            i += 2;
            break;
        case '\\': out += '\\'; break;
        default: out.append("\\") += text[i]; // \Seen is a flag, no escape
        }
    }
    return out;
}

void mustBegin(const std::string& line, const std::string& wanted)
{
    if (line.rfind(wanted, 0) != 0)
        throw Wrong("heard \"" + line + "\"");
}

class Speaker {
public:
    Speaker(TestServer& server, const std::string& protocol, const std::string& user) : tagged_(protocol == "imap"), many_lines_(protocol == "lmtp")
    {
        if (user.empty() || protocol == "lmtp") {
            client_ = std::make_unique<ImapClient>(server.port(protocol));
            client_->line(); // the greeting
        } else if (protocol == "imap") {
            client_ = std::make_unique<ImapClient>(server.imap(user));
        } else {
            client_ = std::make_unique<Pop3Client>(server.pop3(user));
        }
    }

    void act(const std::string& mark, const std::string& text)
    {
        if (mark == ">")
            say(text);
        else if (mark == ">>")
            client_->send(unescaped(text));
        else if (mark == "<")
            tagged_ ? tagged(text) : mustBegin(lastLine(), text);
        else if (mark == "<<")
            mustBegin(client_->line(), text);
        else if (mark == "*")
            expected_.push_back(text.empty() ? "" : "* " + text);
        else if (mark == "+")
            continuation(text);
        else if (mark == ".")
            exactly(text);
        else if (mark == "hangs")
            client_->hangUp();
        else if (mark == "closed")
            closed();
        else
            throw Wrong("no such mark: " + mark);
    }

private:
    void say(const std::string& text)
    {
        if (tagged_)
            tag_ = static_cast<ImapClient&>(*client_).sendTagged(unescaped(text));
        else
            client_->send(text + "\r\n");
    }

    std::string lastLine() // of an LMTP answer: "250-" says that more come
    {
        std::string line = client_->line();
        while (many_lines_ && line.size() > 3 && line[3] == '-')
            line = client_->line();
        return line;
    }

    void tagged(const std::string& wanted)
    {
        Lines lines = static_cast<ImapClient&>(*client_).until(tag_);
        const std::string last = lines.back();
        lines.pop_back();
        compare(lines);
        mustBegin(last, wanted);
    }

    void continuation(const std::string& wanted)
    {
        Lines before;
        std::string line = client_->line();
        for (; line.rfind("+", 0) != 0; line = client_->line())
            before.push_back(line);
        compare(before);
        mustBegin(line, wanted.empty() ? "+" : "+ " + wanted);
    }

    // None listed: they are not looked at. An empty one alone: there are none.
    void compare(const Lines& heard)
    {
        Lines wanted = std::exchange(expected_, {});
        if (wanted.empty())
            return;
        if (wanted == Lines{""})
            wanted.clear();
        if (heard == wanted)
            return;
        std::string all = "heard";
        for (const std::string& line : heard)
            all += "\n    " + line;
        throw Wrong(all);
    }

    void exactly(const std::string& wanted)
    {
        const std::string line = client_->line();
        if (line != unescaped(wanted))
            throw Wrong("heard \"" + line + "\"");
    }

    void closed()
    {
        if (const std::string rest = client_->rest(); !rest.empty())
            throw Wrong("not closed, heard \"" + rest + "\"");
    }

    const bool tagged_, many_lines_;
    std::unique_ptr<Client> client_;
    std::string tag_;
    Lines expected_;
};

class Dialog {
public:
    explicit Dialog(std::string protocol) : protocol_(std::move(protocol)) {}

    void line(const std::string& text)
    {
        if (text.empty() || text.front() == '#')
            return;
        std::istringstream words(text);
        std::string name, mark, rest;
        words >> name >> mark;
        std::getline(words >> std::ws, rest);
        if (mark == "speaks")
            protocols_[name] = rest;
        else if (mark == "is")
            users_[name] = rest == "nobody" ? "" : rest;
        else if (rest == "messages" || rest == "message")
            server_.fill(std::stoi(mark), name == "inbox" ? "INBOX" : name);
        else
            speaker(name).act(mark, rest);
    }

private:
    Speaker& speaker(const std::string& name)
    {
        auto& speaker = speakers_[name];
        if (!speaker) {
            const auto protocol = protocols_.emplace(name, protocol_).first->second;
            const auto user = users_.emplace(name, "alice@example.org").first->second;
            speaker = std::make_unique<Speaker>(server_, protocol, user);
        }
        return *speaker;
    }

    const std::string protocol_;
    TestServer server_;
    std::map<std::string, std::string> protocols_, users_;
    std::map<std::string, std::unique_ptr<Speaker>> speakers_;
};

void play(const std::string& protocol)
{
    std::vector<std::filesystem::path> files;
    const std::filesystem::path folder = std::filesystem::path(postfach::test::sourceFolder()) / "tests/dialogs" / protocol;
    if (std::filesystem::exists(folder))
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            if (entry.path().extension() == ".dialog")
                files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    CHECK(!files.empty());
    for (const auto& file : files) {
        std::ifstream in(file);
        Dialog dialog(protocol);
        int number = 0;
        for (std::string text; std::getline(in, text);) {
            ++number;
            try {
                dialog.line(text);
            } catch (const std::exception& error) {
                FAIL_CHECK(protocol << "/" << file.filename().string() << ":" << number << ": " << text << "\n  " << error.what());
                break;
            }
        }
        CHECK(number > 0);
    }
}

} // namespace

TEST_CASE("the dialogs of imap go as written", "[dialogs][imap]") { play("imap"); }
TEST_CASE("the dialogs of pop3 go as written", "[dialogs][pop3]") { play("pop3"); }
TEST_CASE("the dialogs of lmtp go as written", "[dialogs][lmtp]") { play("lmtp"); }
