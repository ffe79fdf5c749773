"""The table of benches. One bench, one file: bench_NAME.py, whose BENCH says what it measures and against whom."""
import bench_admin
import bench_append
import bench_connections
import bench_deliver
import bench_fetch
import bench_imap
import bench_login
import bench_million
import bench_pop3
import bench_scanner
import bench_search
import bench_select
import bench_signatures
import bench_store

BENCHES = {
    "connections": bench_connections.BENCH,
    "deliver": bench_deliver.BENCH,
    "login": bench_login.BENCH,
    "append": bench_append.BENCH,
    "fetch": bench_fetch.BENCH,
    "scanner": bench_scanner.BENCH,
    "signatures": bench_signatures.BENCH,
    "search": bench_search.BENCH,
    "imap": bench_imap.BENCH,
    "pop3": bench_pop3.BENCH,
    "select": bench_select.BENCH,
    "store": bench_store.BENCH,
    "million": bench_million.BENCH,
    "admin": bench_admin.BENCH,
}
