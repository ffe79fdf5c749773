#include "scanner/process/worker.h"
#include "scanner/process/scan.h"
#include "scanner/wire.h"

#include <csignal>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace postfach::scanner {
namespace {

constexpr int kScansOfALife = 1'000; // bounds what a leak, or someone who took the worker over, can gather
constexpr int kScansPerCanary = 100;
constexpr int kSocket = 3;

// Of all that the parent holds open the worker keeps its socket; a scanner that speaks writes nowhere.
void keepSocketOnly(int socket)
{
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (const int standard : {0, 1, 2})
        if (nowhere >= 0 && nowhere != standard)
            ::dup2(nowhere, standard);
    if (socket != kSocket)
        ::dup2(socket, kSocket);
    ::close_range(kSocket + 1, ~0U, 0);
}

// What was seen inside, but for what the verdict has room for; false when nobody hears it any more.
bool tell(std::string& layers, std::uint64_t id)
{
    constexpr std::size_t kAtOnce = wire::kLayersAtOnce * wire::kLayer;
    for (; layers.size() > kAtOnce; layers.erase(0, kAtOnce)) {
        wire::Answer answer;
        answer.kind = wire::AnswerKind::layers;
        answer.id = id;
        answer.name = layers.substr(0, kAtOnce);
        if (!wire::send(kSocket, wire::encode(answer)))
            return false;
    }
    return true;
}

bool say(wire::AnswerKind kind, bool retires, std::uint64_t id, const std::string& name, std::vector<Finding> findings = {})
{
    wire::Answer answer;
    answer.kind = kind;
    answer.retires = retires;
    answer.id = id;
    answer.name = name;
    answer.findings = std::move(findings);
    return wire::send(kSocket, wire::encode(answer));
}

ScanResult scanRequest(Scanner& scanner, const wire::Request& request, const base::Fd& fd)
{
    const auto parcels = request.content.empty() ? wire::Parcels::open(fd, request.bytes) : wire::Parcels::open(request.content);
    if (!parcels)
        return {"the request is not well formed", {}};
    return scanner.scan(parcels->pieces(), request.refused);
}

void serve(Scanner& scanner)
{
    for (int scans = 1;; ++scans) {
        wire::Datagram datagram = wire::receive(kSocket, wire::kDatagram + wire::kInside);
        if (datagram.kind != wire::Datagram::Kind::message)
            return;
        const auto request = wire::decodeRequest(datagram.bytes);
        if (!request || (request->content.empty() && !datagram.fd))
            return;
        ScanResult result = scanRequest(scanner, *request, datagram.fd);
        datagram.fd.reset();
        std::string blind; // what else it found nothing of, it may not have seen
        if (scans % kScansPerCanary == 0)
            blind = scanner.canary();
        if (!blind.empty() && result.kind() == Verdict::Kind::infected)
            addFinding(result.findings, {Class::broken, blind});
        else if (!blind.empty())
            result = {blind, {}};
        const bool failed = !result.trouble.empty();
        const bool retires = failed || !blind.empty() || scans >= kScansOfALife;
        const auto kind = failed ? wire::AnswerKind::error : wire::AnswerKind::verdict;
        if (!tell(result.layers, request->id))
            return;
        if (!say(kind, retires, request->id, failed ? result.trouble : result.layers, std::move(result.findings)) || retires)
            return;
    }
}

} // namespace

void runWorker(const WorkerSetup& setup)
{
    try {
        keepSocketOnly(setup.socket);
        enterTempFolder(setup.confinement);
        giveUpRights(setup.confinement);
        if (::getppid() != setup.parent)
            ::_exit(0); // died before its death could be told
        filterSystemCalls();
        Scanner scanner(setup.engine, setup.limits);
        if (const std::string problem = scanner.canary(); !problem.empty()) {
            say(wire::AnswerKind::error, true, 0, problem);
            ::_exit(3);
        }
        *setup.greeted = 1;
        if (say(wire::AnswerKind::hello, false, 0, {}))
            serve(scanner);
        ::_exit(0);
    } catch (const std::exception& problem) {
        say(wire::AnswerKind::error, true, 0, problem.what());
        ::_exit(3);
    }
}

} // namespace postfach::scanner
