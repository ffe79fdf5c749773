#include "admin/cli/cli.h"
#include "admin/api/json.h"
#include "admin/cli/command.h"
#include "admin/problem.h"
#include "server/base/error.h"
#include "server/store/types.h"

#include <Poco/Exception.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace postfach::admin {
namespace {

const OptionName* findOption(std::string_view name)
{
    for (const auto& option : optionNames())
        if (name == option.name)
            return &option;
    return nullptr;
}

std::string phrase(const Command& command)
{
    std::string out;
    for (const char* word : command.words)
        out += (out.empty() ? "" : " ") + std::string(word);
    return out;
}

bool begins(const Command& command, const std::vector<std::string>& words)
{
    return words.size() >= command.words.size() &&
           std::equal(command.words.begin(), command.words.end(), words.begin(), [](const char* a, const std::string& b) { return b == a; });
}

void printOption(std::ostream& out, const OptionName& option)
{
    const auto left = std::string(option.name) + (*option.value != 0 ? " " + std::string(option.value) : "");
    out << "  " << left << std::string(left.size() < 22 ? 22 - left.size() : 1, ' ') << option.meaning << '\n';
}

// All commands, or those that begin with `word`.
void printHelp(std::ostream& out, const std::string& word = {})
{
    out << "Usage: postfach " << (word.empty() ? "COMMAND" : word + " …") << " [--data DIR] [--json]\n\n";
    if (word.empty())
        out << "  serve --data DIR [--config FILE] [-D KEY=VALUE]… [--demo]\n"
               "                                         run the server in the foreground\n";
    for (const auto& command : commands()) {
        if (!word.empty() && word != command.words[0])
            continue;
        const auto left = phrase(command) + (*command.arguments != 0 ? " " + std::string(command.arguments) : "");
        out << "  " << left << (left.size() < 38 ? std::string(39 - left.size(), ' ') : "\n" + std::string(41, ' ')) << command.summary << '\n';
    }
    out << "\nOptions may stand before or after the words.\n";
    for (const char* name : {"--data", "--json", "--help", "--version"})
        printOption(out, *findOption(name));
    out << "\n`postfach COMMAND --help` says more. Exit status: 0 done, 1 refused, 2 usage, 3 server not reachable.\n";
}

void printHelp(std::ostream& out, const Command& command)
{
    out << "Usage: postfach " << phrase(command) << (*command.arguments != 0 ? " " + std::string(command.arguments) : "") << " [OPTION…]\n\n"
        << command.summary << ".\n";
    if (*command.help != 0)
        out << command.help << '\n';
    out << "\nOptions:\n";
    for (const char* name : command.options)
        printOption(out, *findOption(name));
    for (const char* name : {"--data", "--json", "--help"})
        printOption(out, *findOption(name));
}

[[noreturn]] void unknownWords(const std::vector<std::string>& words)
{
    std::vector<std::string> similar;
    for (const auto& command : commands())
        if (command.words[0] == words[0])
            similar.push_back(command.words.size() > 1 ? command.words[1] : command.words[0]);
    if (similar.empty())
        throw Usage("there is no command \"" + words[0] + "\"; `postfach --help` lists them");
    std::string list;
    for (const auto& word : similar)
        list += (list.empty() ? "" : ", ") + word;
    throw Usage("`postfach " + words[0] + "` wants one of: " + list);
}

// Takes the options out of the command line; what is left are words.
std::vector<std::string> takeOptions(int argc, char** argv, Invocation& invocation)
{
    std::vector<std::string> words;
    for (int i = 1; i < argc; ++i) {
        std::string word = argv[i];
        if (word == "--") {
            words.insert(words.end(), argv + i + 1, argv + argc);
            break;
        }
        if (word.size() < 2 || word[0] != '-') {
            words.push_back(std::move(word));
            continue;
        }
        if (word == "-h")
            word = "--help";
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        const auto* option = findOption(name);
        if (!option)
            throw Usage("there is no option " + name + "; `postfach --help` lists them");
        std::string value;
        if (*option->value == 0) {
            if (equals != std::string::npos)
                throw Usage(name + " takes no value");
        } else if (equals != std::string::npos) {
            value = word.substr(equals + 1);
        } else if (++i < argc) {
            value = argv[i];
        } else {
            throw Usage(name + " wants a value: " + name + " " + option->value);
        }
        invocation.options.emplace(name, value);
    }
    return words;
}

const Command& findCommand(const std::vector<std::string>& words)
{
    for (const auto& command : commands())
        if (begins(command, words))
            return command;
    unknownWords(words);
}

int runCommand(int argc, char** argv)
{
    Invocation invocation;
    const auto words = takeOptions(argc, argv, invocation);
    if (invocation.has("--version") && words.empty()) {
        std::cout << "postfach " POSTFACH_VERSION "\n";
        return 0;
    }
    if (words.empty() || words[0] == "help") {
        const bool asked = invocation.has("--help") || !words.empty();
        printHelp(asked ? std::cout : std::cerr);
        return asked ? 0 : 2;
    }
    if (invocation.has("--help")) {
        for (const auto& command : commands())
            if (begins(command, words)) {
                printHelp(std::cout, command);
                return 0;
            }
        if (std::any_of(commands().begin(), commands().end(), [&](const auto& c) { return words[0] == c.words[0]; })) {
            printHelp(std::cout, words[0]);
            return 0;
        }
    }
    const auto& command = findCommand(words);
    invocation.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(command.words.size()), words.end());
    if (invocation.arguments.size() < command.least || invocation.arguments.size() > command.most)
        throw Usage("`postfach " + phrase(command) + "` wants " + (*command.arguments != 0 ? command.arguments : "no more words") +
                    "; `postfach " + phrase(command) + " --help` says more");
    for (const auto& [name, value] : invocation.options)
        if (name != "--data" && name != "--json" &&
            std::none_of(command.options.begin(), command.options.end(), [&name = name](const char* known) { return name == known; }))
            throw Usage("`postfach " + phrase(command) + "` takes no " + name);
    invocation.json = invocation.has("--json");
    invocation.data_folder = invocation.option("--data").value_or("");
    if (const char* environment = std::getenv("POSTFACH_DATA"); invocation.data_folder.empty() && environment)
        invocation.data_folder = environment;
    return command.run(invocation);
}

int complain(const std::string& text, int status)
{
    std::cout.flush();
    std::cerr << "postfach: " << forPeople(text) << '\n';
    return status;
}
} // namespace

int runCli(int argc, char** argv)
{
    try {
        const int status = runCommand(argc, argv);
        std::cout.flush();
        return status;
    } catch (const Usage& error) {
        return complain(error.what(), 2);
    } catch (const NotReachable& error) {
        return complain(error.what(), 3);
    } catch (const base::Refused& error) {
        return complain(error.what(), error.exit_status);
    } catch (const store::Error& error) {
        return complain(error.what(), 1);
    } catch (const Poco::Exception& error) {
        return complain("the server's answer is not understood: " + error.displayText(), 1);
    } catch (const std::exception& error) {
        return complain(error.what(), 1);
    }
}

std::optional<std::string> commandWord(int argc, char** argv)
{
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--")
            return i + 1 < argc ? std::optional<std::string>(argv[i + 1]) : std::nullopt;
        if (word.size() < 2 || word[0] != '-')
            return std::string(word);
        // Those of `serve` that take a value stand in no table here.
        const auto* option = findOption(word);
        if (word == "-D" || word == "--config" || (option && *option->value != 0))
            ++i;
    }
    return std::nullopt;
}

std::optional<std::string> Invocation::option(const std::string& name) const
{
    const auto [first, last] = options.equal_range(name);
    return first == last ? std::nullopt : std::optional(std::prev(last)->second);
}

std::vector<std::string> Invocation::all(const std::string& name) const
{
    std::vector<std::string> values;
    for (auto [at, last] = options.equal_range(name); at != last; ++at)
        values.push_back(at->second);
    return values;
}

const std::string& Invocation::data() const
{
    if (data_folder.empty())
        throw Usage("say which server: --data DIR, or POSTFACH_DATA in the environment");
    return data_folder;
}

LocalClient& Invocation::server()
{
    if (!client_)
        client_ = std::make_unique<LocalClient>(data() + "/run/admin.sock");
    return *client_;
}

Poco::JSON::Object::Ptr Invocation::understood(const Reply& reply)
{
    if (reply.status >= 400) {
        std::string detail = "the server refused with status " + std::to_string(reply.status);
        try {
            detail = parseObject(reply.body, kAnyEntries)->optValue<std::string>("detail", detail);
        } catch (const std::exception&) { // an answer of its own: the status says enough
        }
        throw base::Refused(detail, 1);
    }
    return reply.body.empty() ? object() : parseObject(reply.body, kAnyEntries);
}

Poco::JSON::Object::Ptr Invocation::call(std::string_view method, const std::string& target, const Poco::JSON::Object::Ptr& body,
                                         const std::vector<LocalClient::Header>& headers)
{
    return understood(body ? server().request(method, target, text(body), "application/json", headers)
                           : server().request(method, target, {}, {}, headers));
}

Poco::JSON::Array::Ptr Invocation::list(const std::string& target)
{
    Poco::JSON::Array::Ptr all = new Poco::JSON::Array;
    std::string cursor;
    do {
        const char* joint = target.find('?') == std::string::npos ? "?" : "&";
        const auto page = call("GET", target + joint + "limit=1000" + (cursor.empty() ? "" : "&cursor=" + cursor));
        for (const auto& item : *page->getArray("items"))
            all->add(item);
        const auto next = page->get("next");
        cursor = next.isEmpty() ? "" : next.convert<std::string>();
    } while (!cursor.empty());
    return all;
}

} // namespace postfach::admin
