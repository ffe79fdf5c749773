#include "server/appliance/journal.h"
#include "server/base/json_text.h"
#include "server/base/log.h"

namespace postfach::appliance {

void tellConfig(store::Store& store, const base::Config& before, const base::Config& now)
{
    const auto value = [](const base::Config& config, const std::string& key) {
        return key == "store.url" ? std::string("…") : config.text(key);
    };
    try {
        store.writeAndWait([&](store::WriteTx& tx) {
            for (const auto& key : base::Config::keys()) {
                if (before.text(key.name) == now.text(key.name))
                    continue;
                const std::string old = value(before, key.name), fresh = value(now, key.name);
                tx.addAudit({"server", "", "configuration.change", key.name, base::jsonObject({{"value", old}}),
                             base::jsonObject({{"value", fresh}})});
                tx.addEvent({"configuration.changed", "", base::jsonObject({{"key", key.name}, {"before", old}, {"after", fresh}})});
            }
        });
    } catch (const store::Error& error) {
        base::logError("appliance", "a change of the configuration is not in the audit", {{"reason", error.what()}});
    }
}

void tellSignatures(store::Store& store, const scanner::Status& now)
{
    constexpr const char* kTold = "signatures.told"; // setting
    if (!now.ready || now.signatures.empty() || store.read()->setting(kTold) == now.signatures)
        return;
    store.writeAndWait([&now](store::WriteTx& tx) {
        tx.putSetting(kTold, now.signatures);
        tx.addEvent({"signatures.loaded", "", base::jsonObject({{"signatures", now.signatures}, {"count", now.signature_count}})});
    });
}

} // namespace postfach::appliance
