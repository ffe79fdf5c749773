#pragma once
// What libclamav told during one scan, and what follows from it. Filled by callbacks (scan.cpp), read when the scan is over.
#include "scanner/attachment_types.h"
#include "scanner/client.h"
#include "scanner/process/engine.h"
#include "scanner/process/temp_space.h"
#include "server/base/hash.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace postfach::scanner {

class Findings {
public:
    Findings(const Limits& limits, const TempSpace& space, const AttachmentTypes& refused) : limits_(limits), space_(space), refused_(refused) {}

    // Pieces still to be scanned: a layer with the same bytes makes scanning one of them needless.
    void want(std::string_view piece) { wanted_sizes_.insert(piece.size()); }
    bool seen(const base::Sha256& hash) const { return layers_seen_.contains(hash); }
    bool mayHaveSeen(std::string_view piece) const { return sizes_seen_.contains(piece.size()); }

    // Layers that a mail program would read as a mail, though libclamav knows none of their first fields: to be scanned as mails.
    std::vector<std::string> takeMails() { return std::exchange(mails_, {}); }

    void startPiece();
    void alert(const char* name);
    void layer(std::string_view type, const char* name, std::string_view bytes, std::uint32_t level);
    void member(std::string_view container, const char* name, std::uint64_t packed, std::uint64_t size, bool encrypted,
                std::uint32_t position);
    void message(const std::string& text);       // libclamav warned
    void finish(int rc, std::string_view piece); // of cl_scan*

    void note(Class what, const std::string& name) { addFinding(found_, {what, name}); }

    const std::string& trouble() const { return trouble_; } // no verdict can be had
    bool infected() const { return has(Class::infected); }
    bool whole() const;                                     // nothing kept libclamav from going on
    const std::vector<Finding>& all() const { return found_; }
    const std::string& layers() const { return layers_told_; } // wire.h

private:
    void closeContainer();
    void tell(std::string_view type, std::string_view bytes, std::uint32_t level);
    bool has(Class what) const;

    const Limits& limits_;
    const TempSpace& space_;
    const AttachmentTypes& refused_;
    std::string trouble_;
    std::vector<Finding> found_;
    std::unordered_set<std::size_t> wanted_sizes_, sizes_seen_;
    std::set<base::Sha256> layers_seen_;
    std::string layers_told_;
    std::vector<std::string> mails_;
    std::set<base::Sha256> mails_seen_;
    std::unordered_set<std::uint64_t> told_; // the first bytes of their SHA-256
    bool too_many_ = false;
    int piece_ = 0;

    // Of the piece being scanned.
    bool alerted_ = false;
    std::uint64_t layers_ = 0;
    std::string open_container_; // its type, while no layer from inside has come
    std::uint32_t open_level_ = 0;
    std::unordered_map<std::string, int> opened_;  // base name and size of layers: how often
    std::unordered_map<std::string, int> promised_; // the same of members, as their archive announced them
    std::unordered_set<std::string> members_;
};

// Begins as a mail with a MIME header of its own does.
bool looksLikeMail(std::string_view bytes);

// True when some header says Content-Type: message/partial: the other half is another mail, and neither is whole (RFC 2046 5.2.2).
bool hasPartial(std::string_view mail);

} // namespace postfach::scanner
