#include "server/base/clock.h"
#include "server/base/hash.h"
#include "server/delivery/hash_join.h"
#include "server/delivery/signature_archive.h"
#include "tests/support/catch.h"
#include "tests/unit/store/store_fixture.h"

#include <cstring>
#include <fstream>

#include <zlib.h>

using namespace postfach;
using namespace postfach::delivery;

namespace {

store::InnerHash innerOf(const std::string& bytes)
{
    store::InnerHash inner;
    inner.size = static_cast<std::uint32_t>(bytes.size());
    const auto digest = base::sha256(bytes);
    std::memcpy(&inner.sha256, digest.data(), sizeof inner.sha256);
    inner.md5 = 1;
    inner.sha1 = 2;
    return inner;
}

std::string line(const std::string& bytes, const std::string& size, const std::string& name)
{
    return base::hex(base::sha256(bytes)) + ":" + size + ":" + name + "\n";
}

std::string tarred(const std::string& name, const std::string& content)
{
    std::string head(512, '\0');
    name.copy(head.data(), 100);
    char size[12];
    std::snprintf(size, sizeof size, "%011o", static_cast<unsigned>(content.size()));
    std::memcpy(head.data() + 124, size, 11);
    std::string all = head + content;
    all.resize((all.size() + 511) / 512 * 512);
    return all;
}

void write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string deflated(const std::string& bytes, const std::string& folder)
{
    const std::string path = folder + "/made.gz";
    gzFile file = ::gzopen(path.c_str(), "wb");
    ::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    ::gzclose(file);
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

TEST_CASE("a hash signature agrees by hash and size, or by hash alone", "[delivery][hashes]")
{
    HashSignatures signatures;
    signatures.addLines("no line\n" + line("bad", "3", "A") + line("any", "*:73", "B").substr(0, 64) + ":*:B:73\n");
    signatures.addLines("0123456789abcdef0123456789abcdef:5:C\n00112233445566778899aabbccddeeff00112233:7:D\nzz:1:E\n:::\n");
    signatures.addLines(std::string(64, 'g') + ":1:F\n" + std::string(64, 'a') + ":99999999999:G\n" + std::string(64, 'a') + ":x:H");
    signatures.finish();
    CHECK(signatures.size() == 4);
    CHECK(signatures.matches(innerOf("bad")));
    CHECK(signatures.matches(innerOf("any")));
    CHECK_FALSE(signatures.matches(innerOf("good")));
    auto other = innerOf("bad");
    other.size = 4;
    CHECK_FALSE(signatures.matches(other));
    store::InnerHash md5;
    md5.md5 = 0xefcdab8967452301;
    md5.size = 5;
    CHECK(signatures.matches(md5));
    md5.sha1 = std::exchange(md5.md5, 0);
    CHECK_FALSE(signatures.matches(md5)); // the hash of one kind is none of another
    store::InnerHash sha1;
    sha1.sha1 = 0x7766554433221100;
    sha1.size = 7;
    CHECK(signatures.matches(sha1));
}

TEST_CASE("hash signatures are read from a folder's files and from ClamAV's archives, and what is broken is left out", "[delivery][hashes]")
{
    store::test::TempFolder folder;
    const std::string head(512, 'h');
    const std::string tar = tarred("daily.info", "x:1:y\n") + tarred("daily.hsb", line("in the archive", "14", "A")) + std::string(1024, '\0');
    write(folder.path + "/own.hsb", line("own", "3", "A") + line("last", "4", "without an end").substr(0, 64 + 2));
    write(folder.path + "/own.ndb", line("pattern", "7", "A"));
    write(folder.path + "/daily.cld", head + tar);
    CHECK(HashSignatures::load(folder.path).size() == 3);
    CHECK(HashSignatures::load(folder.path).matches(innerOf("in the archive")));
    CHECK_FALSE(HashSignatures::load(folder.path).matches(innerOf("pattern")));

    write(folder.path + "/main.cvd", head + deflated(tarred("main.hdb", "0123456789abcdef0123456789abcdef:5:C\n") + std::string(1024, '\0'), folder.path));
    CHECK(HashSignatures::load(folder.path).size() == 4);
    write(folder.path + "/cut.cvd", head + deflated(tar, folder.path).substr(0, 60));
    write(folder.path + "/short.cld", "x");
    write(folder.path + "/wild.cld", head + std::string(512, '7') + "rest");
    CHECK(HashSignatures::load(folder.path).size() == 4);
    CHECK(HashSignatures::load(folder.path + "/absent").size() == 0);
    const auto nothing = [](std::string_view) { return false; };
    const auto nowhere = [](std::string_view, std::string_view) {};
    CHECK(readSignatureArchive(folder.path + "/daily.cld", nothing, nowhere));
    CHECK_FALSE(readSignatureArchive(folder.path + "/cut.cvd", nothing, nowhere));
    CHECK_FALSE(readSignatureArchive(folder.path + "/absent.cvd", nothing, nowhere));
}

TEST_CASE("stored mail with a known hash inside is found without being read, newest first", "[delivery][hashes]")
{
    store::test::Office office;
    std::vector<store::BodyId> bodies;
    for (int i = 0; i < 4; ++i) {
        const auto uid = office.deliver("mail " + std::to_string(i));
        const auto now = office.store->view(office.inbox)->now();
        bodies.push_back(now.at(now.find(uid).value()).body);
    }
    office.write([&](store::WriteTx& tx) {
        tx.putInnerHashes(bodies[0], {innerOf("good"), innerOf("bad")});
        tx.putInnerHashes(bodies[1], {innerOf("good")});
        tx.putInnerHashes(bodies[2], {innerOf("bad")});
    });
    HashSignatures signatures;
    CHECK(candidates(*office.store->read(), signatures).empty());
    signatures.addLines(line("bad", "3", "A"));
    signatures.finish();
    CHECK(candidates(*office.store->read(), signatures) == std::vector<store::BodyId>{bodies[2], bodies[0]});
}
