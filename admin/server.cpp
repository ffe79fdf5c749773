#include "admin/server.h"
#include "admin/api/gate.h"
#include "admin/api/poco_exchange.h"
#include "admin/local_door.h"
#include "admin/service.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/net/sessions.h"
#include "server/net/stream.h"

#include <sys/socket.h>

namespace postfach::admin {
namespace {
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kPiece = 16 * 1024;
constexpr std::uint64_t kSlowestBody = 32 * 1024; // bytes a second; slower ones run out of time
// Who was refused in the middle of a request may still be sending it. A connection closed under that is reset, and the
// reset overtakes our answer: so the rest is read and thrown away, until it is silent for a moment or enough is enough.
constexpr auto kSilence = std::chrono::milliseconds(200);
constexpr auto kLongestRest = std::chrono::seconds(5);
constexpr std::uint64_t kLargestRest = 128ULL << 20;

// One HTTPS connection. Its strand reads and writes; whatever may block (the gate, the handlers) runs on a helper thread.
class Session {
public:
    // `url`: of this port, for who does not speak TLS.
    Session(net::Strand& strand, const Poco::Net::StreamSocket& socket, Gate& gate, const AdminOptions& options, std::string url)
        : strand_(strand), socket_(socket), stream_(strand, socket), gate_(gate), options_(options), url_(std::move(url))
    {
    }

    net::Task<> run(std::shared_ptr<const net::TlsContext> tls)
    {
        strand_.deadline(SteadyClock::now() + options_.header_time);
        co_await strand_.wait(net::kReadable);
        if (speaksPlainly()) {
            stream_.write(plainHint(url_));
            co_await stream_.close();
            co_return;
        }
        co_await stream_.startTls(std::move(tls), "http/1.1");
        bool more = true;
        while (more)
            more = co_await request();
        co_await stream_.close();
    }

private:
    // A request in the clear begins with a method's letter, a handshake with 22 (RFC 8446 5.1).
    bool speaksPlainly() const
    {
        char first = 0;
        return ::recv(socket_.impl()->sockfd(), &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first >= 'A' && first <= 'Z';
    }

    // Reads and answers one request; false: the connection ends.
    net::Task<bool> request()
    {
        bool in_time = true;
        RequestReader::State state = RequestReader::State::needMore;
        try {
            state = co_await readHead();
        } catch (const net::DeadlinePassed&) {
            in_time = false;
        }
        if (!in_time)
            co_return co_await outOfTime();
        if (state == RequestReader::State::refused)
            co_return co_await refuseUnread();

        login_.reset();
        if (auto attempt = Gate::attemptOf(reader_.head(), stream_.peerAddress()); attempt) {
            strand_.deadline(SteadyClock::now() + base::limits::kLoginTimeout); // failures are paid for with waiting
            auth::Login login = co_await gate_.authenticator().login(strand_, std::move(*attempt));
            login_ = std::move(login);
        }
        // Without a body the judgement and the answer take one trip to a helper.
        strand_.deadline(SteadyClock::time_point::max());
        if (!reader_.head().hasBody()) {
            reader_.acceptBody(0);
            reader_.next();
            co_return co_await answerWithoutBody();
        }
        Judged judged;
        auto judge = [this, &judged] { judged = judgeRequest(reader_.head()); };
        co_await strand_.offload(std::move(judge));
        if (judged.delay > std::chrono::milliseconds(0)) {
            const auto until = SteadyClock::now() + judged.delay;
            co_await strand_.sleep(until);
        }
        if (judged.refused) { // its body stays unread, so nothing behind it can be read as a request
            std::string out = refusal(*judged.refused);
            co_return co_await sendAndEnd(std::move(out));
        }
        if (reader_.head().expects_continue)
            stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
        reader_.acceptBody(judged.body_limit);
        try {
            state = co_await readBody();
        } catch (const net::DeadlinePassed&) {
            in_time = false;
        }
        if (!in_time)
            co_return co_await outOfTime();
        if (state == RequestReader::State::refused)
            co_return co_await refuseUnread();
        co_return co_await answerWithBody(judged);
    }

    // Who has shown a token does not make room for strangers.
    Judged judgeRequest(const RequestHead& head)
    {
        Judged judged = gate_.judge(head, {false, 0, stream_.peerAddress()}, login_);
        if (!judged.who.name.empty())
            strand_.record().vouched();
        return judged;
    }

    net::Task<RequestReader::State> readHead()
    {
        strand_.deadline(SteadyClock::now() + (reader_.isEmpty() ? options_.idle_time : options_.header_time));
        bool begun = !reader_.isEmpty();
        for (;;) {
            const auto state = reader_.next();
            if (state != RequestReader::State::needMore)
                co_return state;
            std::string_view bytes = co_await stream_.some(kPiece);
            reader_.feed(bytes);
            if (!begun) // the whole header has this long, however slowly it drips
                strand_.deadline(SteadyClock::now() + options_.header_time);
            begun = true;
        }
    }

    net::Task<RequestReader::State> readBody()
    {
        const auto begun = SteadyClock::now();
        for (;;) {
            strand_.deadline(begun + options_.body_time + std::chrono::seconds(reader_.bodyBytes() / kSlowestBody));
            const auto state = reader_.next();
            if (state != RequestReader::State::needMore)
                co_return state;
            std::string_view bytes = co_await stream_.some(kPiece);
            reader_.feed(bytes);
        }
    }

    net::Task<bool> answerWithoutBody()
    {
        std::string out;
        bool keep = false;
        std::optional<Following> follow;
        std::chrono::milliseconds delay{0};
        auto work = [this, &out, &keep, &follow, &delay] {
            const auto request = reader_.takeRequest();
            const auto judged = judgeRequest(request.first);
            delay = judged.delay;
            keep = request.first.keep_alive;
            out = exchange(request.first, keep, [&] {
                Response answer = judged.refused ? *judged.refused : gate_.answer(judged, request.first, request.second);
                follow = answer.follow;
                return answer;
            });
        };
        co_await strand_.offload(std::move(work));
        if (delay > std::chrono::milliseconds(0)) {
            const auto until = SteadyClock::now() + delay;
            co_await strand_.sleep(until);
        }
        if (!follow)
            co_return co_await send(std::move(out), keep);
        stream_.write(streamHead("text/event-stream"));
        Following following = std::move(*follow);
        co_await followEvents(strand_, stream_, gate_.store(), std::move(following), options_.heartbeat);
        co_return false;
    }

    net::Task<bool> answerWithBody(Judged& judged)
    {
        std::string out;
        const auto request = reader_.takeRequest();
        const bool keep = request.first.keep_alive;
        strand_.deadline(SteadyClock::time_point::max());
        if (judged.match.route->proof != Proof::none)
            co_await prove(judged, request.second);
        auto work = [this, &out, &request, keep, &judged] {
            out = exchange(request.first, keep, [&] {
                return judged.refused ? *judged.refused : gate_.answer(judged, request.first, request.second);
            });
        };
        strand_.deadline(SteadyClock::time_point::max());
        co_await strand_.offload(std::move(work));
        co_return co_await send(std::move(out), keep);
    }

    // The password in a body, with the delays and bans of any login.
    net::Task<> prove(Judged& judged, const std::string& body)
    {
        std::optional<auth::Attempt> attempt;
        auto read = [this, &judged, &body, &attempt] {
            try {
                attempt = Gate::attemptIn(judged, body, stream_.peerAddress());
            } catch (const Problem& problem) {
                Gate::refuse(judged, problem);
            }
        };
        co_await strand_.offload(std::move(read));
        if (!attempt)
            co_return;
        judged.login.emplace();
        judged.login->user = attempt->user;
        strand_.deadline(SteadyClock::now() + base::limits::kLoginTimeout);
        auth::Login login = co_await gate_.authenticator().login(strand_, std::move(*attempt));
        if (login.result == auth::Login::Result::unavailable)
            Gate::refuse(judged, tooManyLogins());
        judged.login->what = std::move(login);
    }

    // Without a thread; deaf to what the client says meanwhile.
    net::Task<bool> refuseUnread() // what the reader will not read
    {
        std::string out = refusal(Response::problem({reader_.status(), reader_.code(), reader_.detail()}));
        co_return co_await sendAndEnd(std::move(out));
    }

    net::Task<bool> outOfTime()
    {
        if (reader_.isEmpty()) // kept open, and nothing more was asked
            co_return false;
        std::string out = refusal(Response::problem({408, "timeout", "The request did not arrive in time."}));
        co_return co_await send(std::move(out), false);
    }

    net::Task<bool> sendAndEnd(std::string bytes)
    {
        co_await send(std::move(bytes), false);
        std::uint64_t thrown_away = 0;
        const auto end = SteadyClock::now() + kLongestRest;
        try {
            while (thrown_away < kLargestRest && SteadyClock::now() < end) {
                strand_.deadline(SteadyClock::now() + kSilence);
                std::string_view bytes_read = co_await stream_.some(kPiece);
                thrown_away += bytes_read.size();
            }
        } catch (const net::DeadlinePassed&) { // silent: all has come
        }
        strand_.deadline(SteadyClock::now() + kSilence);
        co_return false;
    }

    net::Task<bool> send(std::string bytes, bool keep)
    {
        for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
            strand_.deadline(SteadyClock::now() + options_.body_time); // a reader may be slow, not still
            stream_.write(std::string_view(bytes).substr(at, kPiece));
            co_await stream_.drain();
        }
        co_await stream_.flush();
        co_return keep;
    }

    net::Strand& strand_;
    const Poco::Net::StreamSocket socket_; // a counted handle: only looked at, before the stream begins
    net::Stream stream_;
    Gate& gate_;
    const AdminOptions& options_;
    const std::string url_;
    RequestReader reader_;
    std::optional<auth::Login> login_; // of this request, where it wants one
};

net::Task<> serve(net::Strand& strand, Poco::Net::StreamSocket socket, Gate& gate, const AdminOptions& options,
                  std::shared_ptr<const net::TlsContext> tls, std::string url)
{
    Session session(strand, socket, gate, options, std::move(url));
    co_await session.run(std::move(tls));
}
} // namespace

struct AdminServer::Inner {
    Inner(Context context, AdminOptions o) : options(std::move(o)), service(std::move(context)), gate(service) {}

    AdminOptions options;
    Service service;
    Gate gate;
    std::unique_ptr<LocalDoor> door;
    std::unique_ptr<net::Service> https;
};

AdminServer::AdminServer(Context context, net::Scheduler& scheduler, net::Sessions& sessions, const net::TlsSource& tls, AdminOptions options)
    : inner_(std::make_unique<Inner>(std::move(context), std::move(options)))
{
    auto& inner = *inner_;
    inner.door = std::make_unique<LocalDoor>(inner.gate, inner.options.socket_path, inner.options.idle_time, inner.options.body_time);
    if (!inner.options.port)
        return;
    net::ServiceOptions service;
    service.name = "admin";
    service.addresses = inner.options.addresses;
    service.port = *inner.options.port;
    auto session = [&inner, &tls](net::Strand& strand, Poco::Net::StreamSocket socket) {
        std::string url = "https://" + inner.service.context().server_name + ":" + std::to_string(inner.https->port()) + "/";
        return serve(strand, std::move(socket), inner.gate, inner.options, tls.current(), std::move(url));
    };
    inner.https = std::make_unique<net::Service>(scheduler, sessions, std::move(service), std::move(session));
}

AdminServer::~AdminServer() { stop(); }

void AdminServer::start()
{
    inner_->door->start();
    if (inner_->https)
        inner_->https->start();
}

void AdminServer::stop()
{
    if (inner_->https)
        inner_->https->stop();
    inner_->door->stop();
}

std::uint16_t AdminServer::port() const { return inner_->https ? inner_->https->port() : std::uint16_t{0}; }
const std::string& AdminServer::socketPath() const { return inner_->door->path(); }
Service& AdminServer::service() { return inner_->service; }

} // namespace postfach::admin
