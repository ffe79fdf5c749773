// What ThreadSanitizer cannot see. libstdc++ and Poco are not built with it: an exception_ptr's count goes down inside
// libstdc++.so, and the last owner's free then looks like a race with whoever read the exception before.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define POSTFACH_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(POSTFACH_TSAN)
extern "C" const char* __tsan_default_suppressions(); // NOLINT: the runtime's name
extern "C" const char* __tsan_default_suppressions()  // NOLINT
{
    return "race:std::__exception_ptr::exception_ptr::_M_release\n"
           "race:Poco::Net::TCPServer\n"
           "race:Poco::Net::TCPConnectionNotification\n"
           "race:Poco::Net::SocketImpl::close\n";
}
#endif
