#pragma once
// What the configuration means to each part of the appliance, in that part's own terms. Pure functions of the configuration; any
// thread. A value that no part can use is refused by checkConfig(), in words that name the key and what is allowed.
#include "admin/context.h"
#include "admin/password_policy.h"
#include "scanner/client.h"
#include "server/auth/auth.h"
#include "server/base/config.h"
#include "server/base/housekeeper.h"
#include "server/delivery/delivery.h"
#include "server/delivery/rescan.h"
#include "server/net/sessions.h"
#include "server/store/store.h"

#include <string>

namespace postfach::appliance {

// `data`: the data directory.
std::string serverName(const base::Config& config); // server.name; empty: the machine's
net::Sessions::Bounds sessionBounds(const base::Config& config);
auth::PlaintextPolicy plaintextPolicy(const base::Config& config);
delivery::Policy deliveryPolicy(const base::Config& config, const std::string& data);
store::TrashPolicy trashPolicy(const base::Config& config); // what domains and accounts inherit
store::StoreOptions storeOptions(const base::Config& config, const std::string& data);
scanner::Options scannerOptions(const base::Config& config, const std::string& data);
delivery::Rescan::Settings rescanSettings(const base::Config& config, const std::string& data);
base::Housekeeper::Next backupTimes(const base::Config& config); // backup.at and backup.every; throws base::Refused
admin::PasswordRules passwordRules(const base::Config& config);
admin::CopySettings copySettings(const base::Config& config); // throws base::Refused
admin::WebSettings webSettings(const base::Config& config); // admin.session_*, admin.require_totp; throws base::Refused

// Throws base::Refused for what is wrong with the configuration alone, before anything is made. Reads the certificate and the key
// that it names.
void checkConfig(const base::Config& config);

} // namespace postfach::appliance
