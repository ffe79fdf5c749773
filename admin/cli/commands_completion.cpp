// completion: what a shell asks when Tab is pressed, made from the same table as the help.
#include "admin/cli/command.h"

#include <iostream>
#include <map>
#include <set>

namespace postfach::admin::run {
namespace {
std::string phrase(const Command& command)
{
    std::string out;
    for (const char* word : command.words)
        out += (out.empty() ? "" : " ") + std::string(word);
    return out;
}

// The words that may follow each beginning of a command; "" for the first.
std::map<std::string, std::set<std::string>> followers()
{
    std::map<std::string, std::set<std::string>> next;
    next[""].insert({"serve", "help"});
    for (const auto& command : commands()) {
        std::string so_far;
        for (const char* word : command.words) {
            next[so_far].insert(word);
            so_far += (so_far.empty() ? "" : " ") + std::string(word);
        }
    }
    return next;
}

template <class Words>
std::string joined(const Words& words, const char* between)
{
    std::string out;
    for (const auto& word : words)
        out += (out.empty() ? "" : between) + std::string(word);
    return out;
}

constexpr const char* kHead = R"(_postfach()
{
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= word= skip= options="--data --json --help"
)";
constexpr const char* kPath = R"(    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ -n $skip ]]; then
            skip=
            continue
        fi
        case "$word" in
)";
} // namespace

int completion(Invocation& invocation)
{
    const auto& shell = invocation.arguments[0];
    if (shell != "bash" && shell != "zsh")
        throw Usage("`postfach completion` knows bash and zsh");
    if (shell == "zsh") // which understands bash's way
        std::cout << "#compdef postfach\nautoload -U +X bashcompinit && bashcompinit\n";
    std::vector<std::string> valued;
    for (const auto& option : optionNames())
        if (*option.value != 0 && std::string(option.name) != "--data")
            valued.emplace_back(option.name);
    std::cout << kHead
              << "    case \"$before\" in\n        --data) COMPREPLY=($(compgen -d -- \"$current\")); return ;;\n        "
              << joined(valued, "|") << ") return ;;\n    esac\n"
              << kPath << "            --data|" << joined(valued, "|") << ") skip=1 ;;\n            -*) ;;\n"
              << "            *) path+=\"${path:+ }$word\" ;;\n        esac\n    done\n    case \"$path\" in\n";
    // The longest beginning first: what stands behind a whole command are its arguments.
    for (const auto& command : commands())
        std::cout << "        \"" << phrase(command) << "\"*) options+=\" " << joined(command.options, " ") << "\" ;;\n";
    std::cout << "    esac\n    if [[ $current == -* ]]; then\n        COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n  "
                 "      return\n    fi\n"
              << "    case \"$path\" in\n";
    for (const auto& [beginning, words] : followers())
        std::cout << "        \"" << beginning << "\") COMPREPLY=($(compgen -W \"" << joined(words, " ")
                  << "\" -- \"$current\")) ;;\n";
    std::cout
        << "        *) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n    esac\n}\ncomplete -o filenames -F _postfach postfach\n";
    return 0;
}

} // namespace postfach::admin::run
