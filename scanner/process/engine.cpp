#include "scanner/process/engine.h"
#include "scanner/process/encodings.h"
#include "scanner/process/samples.h"
#include "scanner/process/stage.h"
#include "server/base/error.h"
#include "server/base/file.h"
#include "server/base/hash.h"
#include "server/base/text.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <clamav.h>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

namespace postfach::scanner {
namespace {

constexpr unsigned kDatabase = CL_DB_STDOPT;
constexpr int kBackgroundNice = 7; // 19 starves the loader while scans fill the cores
constexpr auto kBackgroundTime = std::chrono::seconds(60);

std::string messages;

void onMessage(cl_msg severity, const char*, const char* text, void*)
{
    constexpr std::size_t kMost = 2'000; // a damaged file can make libclamav say something on every line
    if (severity < CL_MSG_WARN || !text || messages.size() > kMost)
        return;
    if (!messages.empty())
        messages += "; ";
    messages += base::printable(base::trim(text), 300);
}

// With less priority while others serve, but not for ever: full cores must not keep new signatures out.
class Background {
public:
    explicit Background(bool wanted) : started_(std::chrono::steady_clock::now())
    {
        // Without rights priority cannot be taken back, and a generation that serves at low priority is worse than a slow hour.
        active_ = wanted && ::geteuid() == 0 && ::setpriority(PRIO_PROCESS, 0, kBackgroundNice) == 0;
    }
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    ~Background() { end(); }
    void end()
    {
        if (active_)
            ::setpriority(PRIO_PROCESS, 0, 0);
        active_ = false;
    }
    static cl_error_t onProgress(size_t, size_t, void* self)
    {
        auto* background = static_cast<Background*>(self);
        if (std::chrono::steady_clock::now() - background->started_ > kBackgroundTime)
            background->end();
        return CL_SUCCESS;
    }

private:
    std::chrono::steady_clock::time_point started_;
    bool active_ = false;
};

EngineHandle newEngine(const Limits& limits)
{
    EngineHandle engine(cl_engine_new());
    if (!engine)
        throw base::Refused("libclamav gives no engine: out of memory");
    const auto set = [&](cl_engine_field field, std::uint64_t value) {
        if (const auto rc = cl_engine_set_num(engine.get(), field, static_cast<long long>(value)); rc != CL_SUCCESS)
            throw base::Refused(std::string("libclamav refuses a setting: ") + cl_strerror(rc));
    };
    set(CL_ENGINE_MAX_FILESIZE, limits.file_size);
    set(CL_ENGINE_MAX_SCANSIZE, limits.scan_size);
    set(CL_ENGINE_MAX_RECURSION, limits.recursion);
    set(CL_ENGINE_MAX_FILES, limits.files);
    set(CL_ENGINE_MAX_SCANTIME, limits.scan_time);
    set(CL_ENGINE_DISABLE_CACHE, 1);       // the cache ignores options and calls a timed-out scan clean the second time
    set(CL_ENGINE_DISABLE_PE_STATS, 1);
    set(CL_ENGINE_BYTECODE_MODE, CL_BYTECODE_MODE_INTERPRETER); // no memory that is writable and executable
    // Relative: parent and workers sit in their own folder, which a worker without rights could not reach by its whole path.
    if (cl_engine_set_str(engine.get(), CL_ENGINE_TMPDIR, ".") != CL_SUCCESS)
        throw base::Refused("libclamav refuses its temporary folder");
    return engine;
}

std::string why(cl_error_t rc)
{
    const std::string said = takeMessages();
    return std::string(cl_strerror(rc)) + (said.empty() ? "" : " (" + said + ")");
}

// The built-in test signature: found wherever the test file's text stands, so that wrappings prove something.
std::string writeTestSignature(const std::string& folder)
{
    const std::string path = folder + "/postfach-test.ndb";
    base::writeFileDurably(path, "Eicar-Test-Signature:0:*:" + base::hex(samples::eicar()) + "\n");
    return path;
}

// Which of the files that people made themselves does not load. Official ones are never left out: half a set that looks
// whole is worse than the set of yesterday.
std::vector<std::string> findBad(const Stage& stage)
{
    std::vector<std::string> bad;
    for (const std::string& name : stage.files) {
        if (isOfficial(name))
            continue;
        const EngineHandle engine(cl_engine_new());
        unsigned count = 0;
        if (engine && cl_load((stage.folder + "/" + name).c_str(), engine.get(), &count, kDatabase) != CL_SUCCESS)
            bad.push_back(name);
    }
    takeMessages();
    return bad;
}

std::string join(const std::vector<std::string>& names)
{
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return base::printable(text, 300);
}

void add(std::string& detail, const std::string& text)
{
    detail += (detail.empty() ? "" : "; ") + text;
}

} // namespace

Limits Limits::forProcess(const ProcessOptions& options)
{
    Limits limits;
    limits.scan_size = std::min(limits.scan_size, options.temp_bytes / 4 * 3);
    limits.file_size = std::min(limits.file_size, limits.scan_size);
    limits.temp_reserve = std::min(limits.temp_reserve, options.temp_bytes / 4);
    limits.scan_time = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(options.deadline / 2, 100, 600'000));
    return limits;
}

void EngineFree::operator()(cl_engine* engine) const { cl_engine_free(engine); }

std::string libraryVersion() { return base::printable(cl_retver(), 40); }

std::string takeMessages() { return std::exchange(messages, {}); }

void initializeLibrary()
{
    // Every scanned layer takes and gives back large arrays: kept in the heap they cost no page faults, which are half of
    // a small mail's time with the official set.
    constexpr int kKeep = 1 << 30;
    if (::mallopt(M_MMAP_THRESHOLD, kKeep) == 0)
        ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
    ::mallopt(M_TRIM_THRESHOLD, kKeep);
    ::mallopt(M_ARENA_MAX, 1);
    cl_set_clcb_msg(onMessage);
    if (const auto rc = cl_init(CL_INIT_DEFAULT); rc != CL_SUCCESS)
        throw base::Refused(std::string("libclamav does not start: ") + cl_strerror(rc));
    loadEncodings();
}

LoadedSet loadSignatures(const ProcessOptions& options, const Limits& limits)
{
    const bool strict = options.mode == ProcessOptions::Mode::strict;
    Background background(options.background);
    Stage stage = stageSignatures(options.signatures, options.folder + "/signatures");
    const std::string test_signature = writeTestSignature(options.folder);

    LoadedSet set;
    if (!stage.trouble.empty()) {
        if (strict)
            throw base::Refused("cannot read " + stage.trouble);
        add(set.detail, "left out, cannot be read: " + stage.trouble);
    }
    const auto load = [&]() -> cl_error_t {
        takeMessages();
        set.engine = newEngine(limits);
        cl_engine_set_clcb_sigload_progress(set.engine.get(), Background::onProgress, &background);
        cl_engine_set_clcb_engine_compile_progress(set.engine.get(), Background::onProgress, &background);
        unsigned count = 0;
        if (!stage.files.empty())
            if (const auto rc = cl_load(stage.folder.c_str(), set.engine.get(), &count, kDatabase); rc != CL_SUCCESS)
                return rc;
        if (const auto rc = cl_load(test_signature.c_str(), set.engine.get(), &count, kDatabase); rc != CL_SUCCESS)
            return rc;
        if (const auto rc = cl_engine_compile(set.engine.get()); rc != CL_SUCCESS)
            return rc;
        cl_engine_set_clcb_sigload_progress(set.engine.get(), nullptr, nullptr);
        cl_engine_set_clcb_engine_compile_progress(set.engine.get(), nullptr, nullptr);
        set.count = count;
        return CL_SUCCESS;
    };

    cl_error_t rc = load();
    if (rc != CL_SUCCESS) {
        const std::string reason = why(rc);
        const std::vector<std::string> bad = findBad(stage);
        if (strict)
            throw base::Refused("signatures do not load: " + (bad.empty() ? "" : join(bad) + ": ") + reason);
        for (const std::string& name : bad)
            stage.drop(name);
        if (!bad.empty()) {
            add(set.detail, "left out, do not load: " + join(bad) + ": " + reason);
            rc = load();
        }
        if (rc != CL_SUCCESS) {
            add(set.detail, "signatures do not load: " + (bad.empty() ? reason : why(rc)));
            for (const std::string& name : std::vector<std::string>(stage.files))
                stage.drop(name);
            rc = load();
        }
        if (rc != CL_SUCCESS)
            throw base::Refused("the test signature does not load: " + why(rc));
    }
    if (const std::string warnings = takeMessages(); !warnings.empty())
        add(set.detail, "warnings while loading: " + warnings); // a .yara with a mistake loads as nothing, with a warning

    if (stage.files.empty())
        add(set.detail, "no signatures in " + options.signatures + ": only the built-in test signature is used");
    if (strict && stage.files.empty() && options.serving > 1)
        throw base::Refused("no signatures any more in " + options.signatures);
    if (strict && set.count < options.least)
        throw base::Refused("only " + std::to_string(set.count) + " signatures, the set before it had " + std::to_string(options.serving));
    set.id = base::hex(base::sha256(stage.fingerprint() + " " + cl_retver())).substr(0, 16);
    return set;
}

} // namespace postfach::scanner
