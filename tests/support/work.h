#pragma once
// How much work something is, for tests of what must cost linear time.
#include <ctime>

namespace postfach::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POSTFACH_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POSTFACH_SANITIZED true
#endif
#endif
#if !defined(POSTFACH_SANITIZED)
#define POSTFACH_SANITIZED false
#endif
inline constexpr bool kIsSanitized = POSTFACH_SANITIZED;

// Counts from its making. Only the calling thread's own work: what else the machine does is not the code's fault, nor is
// what a sanitizer adds, which is about two thirds.
class Work {
public:
    double seconds() const { return (now() - begun_) / (kIsSanitized ? 3 : 1); }

private:
    static double now()
    {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
    }

    double begun_ = now();
};

double secondsOf(const auto& work)
{
    const Work measured;
    work();
    return measured.seconds();
}

} // namespace postfach::test
