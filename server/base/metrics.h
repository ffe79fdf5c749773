#pragma once
// Counters and gauges in the Prometheus text format. Made once, at namespace scope, beside the code that counts:
//   base::Counter deliveries{"postfach_deliveries_total", "Messages taken in", {{"outcome", "stored"}}};
// Counting is one relaxed atomic add; any thread. Names are postfach_<area>_<what>[_total].
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace postfach::base {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class Metric {
public:
    Metric(std::string name, std::string help, std::string type, MetricLabels labels);
    virtual ~Metric();
    Metric(const Metric&) = delete;
    Metric& operator=(const Metric&) = delete;
    virtual std::string value() const = 0;
    const std::string name, help, type;
    const MetricLabels labels;
};

class Counter final : public Metric {
public:
    Counter(std::string n, std::string h, MetricLabels l = {}) : Metric(std::move(n), std::move(h), "counter", std::move(l)) {}
    void add(std::uint64_t by = 1) { count_.fetch_add(by, std::memory_order_relaxed); }
    std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
    std::string value() const override { return std::to_string(count()); }

private:
    std::atomic<std::uint64_t> count_{0};
};

class Gauge final : public Metric {
public:
    Gauge(std::string n, std::string h, MetricLabels l = {}) : Metric(std::move(n), std::move(h), "gauge", std::move(l)) {}
    void set(std::int64_t v) { now_.store(v, std::memory_order_relaxed); }
    void add(std::int64_t by) { now_.fetch_add(by, std::memory_order_relaxed); }
    std::int64_t now() const { return now_.load(std::memory_order_relaxed); }
    std::string value() const override { return std::to_string(now()); }

private:
    std::atomic<std::int64_t> now_{0};
};

// Every metric alive, as the text format 0.0.4 wants it: grouped by name, HELP and TYPE first.
std::string prometheusText();

} // namespace postfach::base
