"""A client made from the OpenAPI document: linted, its types generated, and the life of an account compiled against them and run.

Fetched from npm for the run; without node, npm or a network skipped.
"""
import json
import os
import subprocess
import tempfile

import server

PACKAGES = ["@redocly/openapi-core@1.34.24", "openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3"]

LINT = """
import { lint, createConfig } from '@redocly/openapi-core';
const problems = await lint({ref: process.argv[2], config: await createConfig({extends: ['recommended']})});
console.log(JSON.stringify(problems.map(p => [p.severity, p.ruleId, p.message.split('\\n')[0], p.location[0]?.pointer])));
"""

# What is misspelt here, or missing or of another type in the document, does not compile.
LIFE = """
import createClient from 'openapi-fetch';
import type { paths, components } from './types';

declare const process: {argv: string[]};
const [base, token] = [process.argv[2], process.argv[3]];
const api = createClient<paths>({baseUrl: base, headers: {Authorization: `Bearer ${token}`}});
const address = 'generated@office.test', path = {address};
const out: Record<string, unknown> = {};

async function life() {
  const made = await api.PUT('/api/v1/accounts/{address}', {params: {path}, body: {password: 'kotuba remino salefu', name: 'Made', quota: 1000000}});
  const account: components['schemas']['Account'] = made.data!;
  out.made = [made.response.status, account.address, account.quota, account.enabled];
  const wrong = await api.PUT('/api/v1/accounts/{address}', {params: {path}, body: {quota: -1}});
  out.wrong = [wrong.response.status, wrong.error?.code, wrong.error?.errors?.[0]?.field];
  const changed = await api.PATCH('/api/v1/accounts/{address}', {params: {path}, body: {name: 'Changed', pop3: {retention: {days: 14}}}});
  out.changed = [changed.data?.name, changed.data?.pop3.retention];
  const boxes = await api.GET('/api/v1/accounts/{address}/mailboxes', {params: {path, query: {limit: 3}}});
  out.boxes = [boxes.data?.items.length, boxes.data?.next !== null];
  const box = await api.PUT('/api/v1/accounts/{address}/mailboxes/{mailbox}', {params: {path: {address, mailbox: 'Work/2026'}}, body: {}});
  out.box = [box.response.status, box.data?.name];
  const phone = await api.POST('/api/v1/accounts/{address}/app-passwords', {params: {path}, body: {label: 'phone', scopes: ['imap']}});
  out.phone = [phone.response.status, typeof phone.data?.password];
  const found = await api.GET('/api/v1/accounts', {params: {query: {domain: 'office.test', q: 'chang', sort: '-created'}}});
  out.found = found.data?.items.map(one => one.address);
  const alias = await api.PUT('/api/v1/aliases/{address}', {params: {path: {address: 'info@office.test'}}, body: {targets: [address]}});
  out.alias = [alias.response.status, alias.data?.targets];
  const gone = await api.DELETE('/api/v1/accounts/{address}', {params: {path}});
  out.gone = gone.response.status;
  const nobody = await api.GET('/api/v1/accounts/{address}', {params: {path}});
  out.nobody = [nobody.response.status, nobody.error?.code];
}
life().then(() => console.log(JSON.stringify(out)));
"""

EXPECTED = {"made": [201, "generated@office.test", 1000000, True], "wrong": [422, "invalid_field", "quota"], "changed": ["Changed", {"days": 14}],
            "boxes": [3, True], "box": [201, "Work/2026"], "phone": [201, "string"], "found": ["generated@office.test"],
            "alias": [201, ["generated@office.test"]], "gone": 204, "nobody": [404, "not_found"]}


def test(report, office, _given):
    with tempfile.TemporaryDirectory() as folder:
        def path(name):
            return os.path.join(folder, name)

        def run(*command):
            return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, cwd=folder,
                                  env=dict(os.environ, NODE_TLS_REJECT_UNAUTHORIZED="0", NODE_NO_WARNINGS="1"))

        try:
            fetched = run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, *PACKAGES)
        except subprocess.TimeoutExpired:
            server.skip("npm takes too long")
        if fetched.returncode != 0:
            server.skip("npm cannot fetch what makes a client: " + fetched.stderr.strip()[-200:])
        for name, text in (("lint.mjs", LINT), ("life.ts", LIFE), ("openapi.json", office.http("GET", "/openapi.json")[2].decode())):
            with open(path(name), "w", encoding="utf-8") as file:
                file.write(text)
        linted = run("node", "lint.mjs", "openapi.json")
        report.check("the document has nothing that a linter minds", linted.stdout.strip() == "[]", (linted.stdout + linted.stderr)[:2000])
        typed = run(path("node_modules/.bin/openapi-typescript"), "openapi.json", "-o", "types.ts")
        report.check("types are generated", typed.returncode == 0, typed.stdout + typed.stderr)
        compiled = run(path("node_modules/.bin/tsc"), "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "--moduleResolution",
                       "nodenext", "life.ts")
        report.check("the life of an account compiles against them", compiled.returncode == 0, compiled.stdout)
        lived = run("node", "life.js", "https://%s:%d" % (office.name, office.ports["admin"]), office.token)
        try:
            out = json.loads(lived.stdout)
        except ValueError:
            out = {}
        for step, wanted in EXPECTED.items():
            report.check("the life of an account: " + step, out.get(step) == wanted, "%s %s" % (out.get(step), lived.stderr[-500:]))


server.needs("node", "npm")
server.main("client_generated", test, remote=False)
