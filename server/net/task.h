#pragma once
// Task<T>: a lazy coroutine, owned by whoever awaits it; its exception comes out of co_await.
//
// Writing rules (FACTS in server/net/README.md; tests/layers lints them; g++ 12 breaks other forms in silence):
// co_await stands only in `co_await f(x);`, `T r = co_await f(x);`, `r = co_await f(x);`, `co_return co_await f(x);`;
// arguments are names, literals, std::move(name) or calls; never braces or capturing lambdas in place; never a capturing
// coroutine lambda; parameters by value or references to what the session owns; no lock or transaction across co_await.
//
// await_suspend returns bool and runs the child with resume(): a loop over ready children keeps the stack flat at every
// optimisation level and under sanitizers (symmetric transfer does not).
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace postfach::net {

template <class T = void>
class Task;

namespace detail {
struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> me) noexcept
    {
        auto& promise = me.promise();
        // A child that never waited is continued by its awaiter's await_suspend, which has not returned yet.
        if (!promise.awaiter_suspended)
            return std::noop_coroutine();
        return promise.awaiter ? promise.awaiter : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
};

struct PromiseBase {
    std::coroutine_handle<> awaiter;
    bool awaiter_suspended = false;
    std::exception_ptr error;
    std::suspend_always initial_suspend() const noexcept { return {}; }
    FinalAwaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { error = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
    std::optional<T> result;
    Task<T> get_return_object();
    template <class U>
    void return_value(U&& value) { result.emplace(std::forward<U>(value)); }
    T take()
    {
        if (error)
            std::rethrow_exception(error);
        return std::move(*result);
    }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object();
    void return_void() const noexcept {}
    void take() const
    {
        if (error)
            std::rethrow_exception(error);
    }
};
} // namespace detail

template <class T>
class [[nodiscard]] Task {
public:
    using promise_type = detail::Promise<T>;
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Task()
    {
        if (handle_)
            handle_.destroy();
    }

    struct Awaiter {
        std::coroutine_handle<promise_type> child;
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> awaiter)
        {
            child.promise().awaiter = awaiter;
            child.resume();
            if (child.done())
                return false;
            child.promise().awaiter_suspended = true;
            return true;
        }
        T await_resume() { return child.promise().take(); }
    };
    Awaiter operator co_await() const& noexcept { return Awaiter{handle_}; }

    // For the scheduler, which owns the outermost task.
    std::coroutine_handle<promise_type> handle() const { return handle_; }

private:
    std::coroutine_handle<promise_type> handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() { return Task<T>{std::coroutine_handle<Promise<T>>::from_promise(*this)}; }
inline Task<void> detail::Promise<void>::get_return_object() { return Task<void>{std::coroutine_handle<Promise<void>>::from_promise(*this)}; }

} // namespace postfach::net
