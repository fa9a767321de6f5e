/**
 * What the documented command lines need to be true, and how they end. A line that needs nothing has no entry: it is run
 * on the leader, and has to succeed.
 * @module
 */

import type { StageHost } from "./stage.ts";

/** How a line is run. */
export interface Staging {
  /** Where; on the leader unless told. */
  readonly on?: StageHost;
  /** What a shell runs on the leader before it, and has to succeed. */
  readonly first?: string;
  /** What the same shell runs before it. */
  readonly inside?: string;
  /** The agent of the spare host runs meanwhile. */
  readonly withSpare?: true;
  /** What stands for words that a reader has to choose, and for what differs here. */
  readonly with?: Readonly<Record<string, string>>;
  /** It goes on until it is stopped, and prints this before. */
  readonly until?: RegExp;
  /** What succeeds beside it then, on the same host. */
  readonly meanwhile?: string;
  /** It may have to say that something is not as it should be, and what to do. */
  readonly mayHint?: true;
  /** What is run on the leader after it. */
  readonly after?: string;
  /** What the network is no more what the others expect after; it is run when they have been. */
  readonly isLate?: true;
  /** Why it is not run here; that its commands and options exist is checked all the same. */
  readonly notRun?: string;
}

/** What is written there goes away with the shell's own mounts. */
const covered = (folder: string) => `mkdir -p ${folder} && mount -t tmpfs -o mode=755 tmpfs ${folder}`;

/** What goes on in the shell beside the line, once it has printed `text`. */
const beside = (command: string, text: string) =>
  `rm -f beside.txt; ${command} > beside.txt 2>&1 & trap 'kill -INT $!; wait $!' EXIT
until grep -qs ${text} beside.txt; do kill -0 $! || { cat beside.txt; exit 1; }; sleep 0.1; done`;

const freshKeys = `umask 077; wg genkey | tee phone.key | wg pubkey > phone.pub
weft peer remove phone > removed.txt 2>&1 || true`;
const freshState = "rm -rf ./fresh; export WEFT_STATE=./fresh";
const configuredInterface = `${covered("/etc/wireguard")}; ${covered("/var/run/wireguard")}
umask 077; printf '[Interface]\nPrivateKey = %s\n' "$(wg genkey)" > /etc/wireguard/wg0.conf`;
/** A machine that waits for its approval; it runs on the leader's host. */
const waiting = (name: string) =>
  `export TOKEN=$(weft token create --approve --json | jq -r .token); rm -rf ./waiting
${
    beside(
      `weft --join "$TOKEN" --state ./waiting --name ${name} --rootless --port 51999 --status-port off`,
      "Waiting",
    )
  }`;
const noRoute = (network: string) => `weft route remove ${network} > removed.txt`;
const offered = "weft route add 192.168.50.0/24 --via web-1";
const written = `weft data put orders '{"id":7,"status":"open"}'`;
const pushed = `weft queue push mails '{"to":"eve"}' > pushed.txt`;
const device = (name: string) => `weft peer add ${name} --wireguard > device.txt`;
const proxy = beside("weft proxy --socks5 127.0.0.1:1080", "1080");
/** The checkout, and a home, where nobody else can write, whatever is above them; a unit is refused otherwise. */
const trusted = `${covered("/srv")}; mkdir /srv/weft /srv/home; mount --bind "$CHECKOUT" /srv/weft
export PATH="/srv/weft/bin:$PATH" HOME=/srv/home; unset WEFT_STATE`;
const installable = `${trusted}; ${covered("/etc/systemd/system")}; ${covered("/var/lib/weft")}`;
const elsewhere = "another test runs it";
/** A recovery file of the leader, and its passphrase. */
const phrase = "umask 077; echo correct horse battery > phrase; rm -f weft-recovery.txt";
/** A recovery key, and the file with its secret. */
const recoveryKey =
  "umask 077; rm -f weft-recovery.key; weft recovery-key weft-recovery.key | head -n 1 > recovery-key.txt";
const exported = `${phrase}; weft leader export weft-recovery.txt --passphrase-file phrase > exported.txt`;
const isUp = / is 10\.200\.\d+\.\d+ of /;
const isLeader = /^weft --join weft1-/m;

/** Whatever is there of the network, it is there anew, and empty. */
const fresh = (name: string) => `weft network delete ${name} --force > deleted.txt 2>&1 || true`;
const blue = `${fresh("blue")}; weft network create blue --cidr 10.0.0.0/24`;
/** A member hears of it a moment later. */
const heard = "until weft network show blue > heard.txt 2>&1; do sleep 0.1; done";
/** The namespace of a container. */
const container = "unshare -n sleep 60 & holder=$!; trap 'kill $holder' EXIT; sleep 0.3";

const policyFile = "weft policy init - > policy.yaml";
const applied = `${policyFile}; weft policy apply policy.yaml > applied.txt 2>&1`;
const unapplied = "weft policy remove > removed.txt 2>&1 || true";
/** A policy that denies what runs beside the line then. */
const denying =
  `printf 'rules: [{deny: {from: "*", to: name=web-1, ports: icmp}}, {allow: {from: "*", to: "*"}}]' > policy.yaml
weft policy apply policy.yaml > applied.txt
(sleep 1; ping -c 3 -W 1 "$(weft peers --json | jq -r '.[] | select(.name == "web-1").addresses[0]')") > pinged.txt &`;

/** By the line. */
export const STAGINGS: Readonly<Record<string, Staging>> = {
  "npx --yes deno@2.9.6 task demo": { notRun: elsewhere },
  "npx --yes deno@2.9.6 task test": { notRun: "it would run itself" },
  "deno run --allow-net --allow-sys=networkInterfaces --allow-read=./adder --allow-write=./adder adder.ts weft1-…":
    { notRun: elsewhere },
  "deno run --allow-net --allow-sys=networkInterfaces --allow-read=./caller --allow-write=./caller caller.ts weft1-…":
    { notRun: elsewhere },

  "weft --leader": { on: "spare", inside: freshState, until: isLeader },
  "weft --leader [--cidr 10.200.0.0/16] [--port 51820] [--name NAME] [--state DIR]": {
    on: "spare",
    inside: freshState,
    with: { NAME: "first", DIR: "./fresh" },
    until: isLeader,
  },
  "weft --join TOKEN --ephemeral 10m": { on: "spare", inside: freshState, until: isUp },
  "weft --join TOKEN": { on: "spare", inside: freshState, until: isUp },
  "weft --join weft1-…": { on: "spare", inside: freshState, until: isUp },
  "weft up": { on: "spare", until: isUp },
  "weft up --state /var/lib/weft": { on: "spare", with: { "/var/lib/weft": "./state" }, until: isUp },
  "weft up --offer '80=127.0.0.1:3000 for role=web'": { on: "spare", until: isUp },
  "weft up --forward-allow role=admin": { on: "spare", until: isUp },
  "weft up --port 5555": { on: "spare", until: isUp, after: "true" },
  "weft up --config /etc/weft.yaml": {
    on: "spare",
    inside: "echo 'labels: { role: web }' > weft.yaml",
    with: { "/etc/weft.yaml": "weft.yaml" },
    until: isUp,
  },
  "weft down": { on: "spare", withSpare: true },
  "weft logs --follow": { until: /./ },
  "weft logs --follow --lines 100": { until: /./ },
  "weft config set port 5555": { on: "spare" },
  "weft config set endpoint 192.0.2.1:5555 '[2001:db8::1]:5555'": { on: "spare" },
  "weft config unset port": { on: "spare" },
  "weft config set mtu 1280": { on: "spare" },
  "weft config check": { inside: "echo 'port: 5555' > weft.yaml; export WEFT_CONFIG=weft.yaml" },
  "weft explain NAME": { with: { NAME: "web-1" } },
  "weft config check /etc/weft.yaml": {
    inside: "echo 'labels: { role: web }' > weft.yaml",
    with: { "/etc/weft.yaml": "weft.yaml" },
  },
  "weft --leader --state /var/lib/weft-lab --port 51821 --status-port 9181 --cidr 10.201.0.0/16 --dns-zone lab.internal":
    { on: "spare", inside: "rm -rf ./fresh", with: { "/var/lib/weft-lab": "./fresh" }, until: isLeader },
  "weft config init weft.yaml": { inside: "rm -f weft.yaml" },
  "weft peer show NAME": { with: { NAME: "web-1" } },
  "weft leave": { on: "spare", withSpare: true, isLate: true },
  "weft cleanup": { on: "spare" },
  "weft netcheck --stun-server stun.example.com:3478": {
    with: { "stun.example.com:3478": "127.0.0.1:3478" },
  },

  "weft status --watch": { until: /web-1/ },
  "weft top": { until: /web-1/ },
  "weft bugreport --anonymize": { after: "rm -f weft-bugreport-*.tar.gz" },
  "weft backup web-1.backup": {
    inside: `${phrase}; rm -f web-1.backup`,
    with: { "web-1.backup": "web-1.backup --passphrase-file phrase" },
  },
  "weft restore web-1.backup": {
    inside:
      `${phrase}; rm -rf web-1.backup ./fresh; weft backup web-1.backup --passphrase-file phrase > backup.txt; export WEFT_STATE=./fresh`,
    with: { "web-1.backup": "web-1.backup --passphrase-file phrase" },
  },
  "weft recovery-key weft-recovery.key": { inside: "umask 077; rm -f weft-recovery.key" },
  "weft backup web-1.backup --recovery-key weft-recovery-key1-…": {
    inside: `${recoveryKey}; rm -f web-1.backup`,
    with: { "weft-recovery-key1-…": "$(cat recovery-key.txt)" },
  },
  "weft restore web-1.backup --secret-file weft-recovery.key": {
    inside:
      `${recoveryKey}; rm -rf web-1.backup ./fresh; weft backup web-1.backup --recovery-key $(cat recovery-key.txt) > backup.txt; export WEFT_STATE=./fresh`,
  },
  "weft ping NAME": { with: { NAME: "web-1" } },
  "weft ping leader": { on: "web-1" },
  "weft audit --since 1h --follow": { until: /web-1/ },

  // A token names the leader's key.
  "weft rotate-key": { on: "web-1" },
  "weft token revoke 3f2a91c0": {
    with: { "3f2a91c0": '"$(weft token create --json | jq -r .report.id)"' },
  },
  // Other lines ask who leads.
  "weft leader promote web-1": { after: "weft leader demote web-1" },
  "weft leader demote web-1": { first: "weft leader promote web-1 || true" },
  "weft leader export weft-recovery.txt": {
    inside: phrase,
    with: { "weft-recovery.txt": "weft-recovery.txt --passphrase-file phrase" },
  },
  "weft leader recover weft-recovery.txt": {
    on: "spare",
    first: exported,
    inside: freshState,
    with: { "weft-recovery.txt": "../alpha/weft-recovery.txt --passphrase-file ../alpha/phrase" },
  },
  'weft peer add phone --public-key "$(cat phone.pub)"': { inside: freshKeys },
  'weft peer add phone --public-key "$(cat phone.pub)" > phone.conf': { inside: freshKeys },
  // The lab's own name server knows one zone, and not the root.
  "weft peer add phone --wireguard --dns hub": { inside: freshKeys, mayHint: true },
  "weft peer add phone --wireguard --dns hub --hub web-1 --allowed 0.0.0.0/0 --allowed ::/0": {
    inside: freshKeys,
    mayHint: true,
  },
  "weft peer hub phone NODE": { inside: `${freshKeys}; ${device("phone")}`, with: { NODE: "web-1" } },
  "weft peer hub phone web-1": { inside: `${freshKeys}; ${device("phone")}` },
  "weft peer remove phone": { inside: `${freshKeys}; ${device("phone")}` },
  "weft peer remove node-1-100": { inside: `${device("gone")}; weft peer address gone 10.200.1.100` },
  "weft peer remove web-1 --revoke-token": { isLate: true },
  "weft peer rename web-1 shop": { after: "weft peer rename shop web-1" },
  "weft peer rename web-1 web-old": { after: "weft peer rename web-old web-1" },
  "weft peer approve NAME": { inside: waiting("web-7"), with: { NAME: "web-7" } },
  "weft peer approve web-1": { inside: waiting("web-8"), with: { "web-1": "web-8" } },
  "weft peer refuse web-1": { inside: waiting("web-6"), with: { "web-1": "web-6" } },
  "weft label NAME --confirm": { with: { NAME: "web-1" } },

  "weft call report/monthly --stdin --timeout 1m < params.json": { inside: "echo null > params.json" },
  "weft subscribe 'orders/>'": { until: /orders\/placed/ },
  "weft subscribe 'sensors/*/temperature' --past --json": { until: /celsius/ },
  "weft data get orders 7": { first: written },
  "weft data watch orders --where 'status = open'": { until: /7 changed total/ },
  "weft data import orders orders.jsonl": { inside: `echo '{"id":8,"status":"open"}' > orders.jsonl` },
  "weft data drop orders --force": { isLate: true },
  "weft data up": { notRun: "needs nats-server on three members" },
  "weft data up --replicas 3": { notRun: "needs nats-server on three members" },
  "weft data up web-1 web-2 web-3": { notRun: "needs nats-server on three members" },
  "weft data up web-1 web-2 web-3 --nats-server /usr/local/bin/nats-server": {
    notRun: "needs nats-server on three members",
  },
  "weft data up store --replicas 1": { notRun: "needs nats-server" },
  "weft data move orders --to nats": { notRun: "needs servers" },
  "weft data move orders --to embedded": { notRun: "needs servers" },
  "weft data move orders --abort": { first: written },
  "weft data replace web-2 web-4": { notRun: "needs servers on three members" },
  "weft data down": { notRun: "needs servers" },
  "weft data down --force": { notRun: "needs servers" },
  "weft queue push mails --stdin < mails.jsonl": { inside: `echo '{"to":"ann"}' > mails.jsonl` },
  "weft queue work mails --exec 'jq -r .to'": { inside: pushed, until: /eve|ann/ },
  "weft queue work mails --exec 'jq -r .to >> sent.txt' --count 1": { inside: pushed },
  "weft queue work mails --count 1 --json": { inside: pushed },
  "weft queue delete mails --force": { isLate: true },

  "weft service pause math": { after: "weft service resume math" },
  "weft service pause math --node web-1": { after: "weft service resume math --node web-1" },
  "weft offer 80=3000": { until: /80/ },
  "weft offer 5432 --allow 'role=web'": { until: /5432/ },
  "weft forward 8080:web-1:80": { until: /8080/, meanwhile: "curl -sf http://127.0.0.1:8080/" },
  "weft forward 8080:web-1:80 0.0.0.0:5432:db:5432": {
    on: "spare",
    first: "weft dns add db A $(weft status --json | jq -r '.node.addresses[0]')",
    withSpare: true,
    until: /8080/,
    meanwhile: "curl -sf --retry 5 --retry-all-errors http://127.0.0.1:8080/",
  },
  "weft proxy --socks5 127.0.0.1:1080": {
    until: /1080/,
    meanwhile: "curl -sf --proxy socks5h://127.0.0.1:1080 http://web-1/",
  },
  "curl --proxy socks5h://127.0.0.1:1080 http://web-1/": { inside: proxy },
  "curl --proxy socks5h://127.0.0.1:1080 http://web/": { inside: proxy, with: { "//web/": "//web-1/" } },

  "weft network create blue --type vxlan --vni 1001 --cidr 10.0.0.0/24": { first: fresh("blue") },
  "weft network create blue --cidr 10.0.0.0/24": { first: fresh("blue") },
  "weft network create red --type geneve --cidr 10.0.0.0/24 --members role=web": { first: fresh("red") },
  "weft network create red --type geneve --vni 7 --cidr 10.0.0.0/24 --cidr fd00:7::/64 --members role=web": {
    first: fresh("red"),
  },
  "weft network create lab --underlay plain --vni 42 --cidr 10.42.0.0/24 --remote 192.0.2.3": {
    first: fresh("lab"),
  },
  "weft network create lab --underlay plain --vni 42 --cidr 10.42.0.0/24 --remote 192.0.2.253": {
    first: fresh("lab"),
  },
  "ip link add vx42 mtu 1450 type vxlan id 42 dstport 4789 remote 192.0.2.1 && ip link set vx42 up": {
    on: "spare",
  },
  "weft network show blue": { first: blue },
  "weft network change blue --mtu 1280": { first: blue },
  "weft network delete blue --force": { first: `${blue}; weft endpoint add blue web-1` },
  "weft endpoint add blue web-1": { first: blue },
  "weft endpoint add blue web-1 --ip 10.0.0.2": { first: blue },
  "weft endpoint add blue web-2": { on: "web-1", first: blue, inside: heard },
  "ping -c 1 10.0.0.2": {
    on: "web-1",
    first: `${blue}; weft endpoint add blue web-1 --ip 10.0.0.2`,
    inside: `${heard}; weft endpoint add blue web-2`,
  },
  "weft endpoint add blue db-1 --ip 10.0.0.9 --netns lab": {
    first: blue,
    inside: container,
    with: { "netns lab": 'netns "$holder"' },
    // Its namespace ends with the line.
    after: fresh("blue"),
  },
  "weft endpoint list blue": { first: blue },
  "weft endpoint remove blue web-1": { first: `${blue}; weft endpoint add blue web-1` },
  "weft endpoint remove blue/db-1": { first: `${blue}; weft endpoint add blue db-1` },
  "weft endpoint move blue/web-1 --to web-2": {
    first: `${blue}; weft endpoint add blue web-1`,
    with: { "to web-2": "to web-1" },
  },
  "weft endpoint move blue/web-2 --to alpha": {
    on: "web-1",
    first: blue,
    inside: `${heard}; weft endpoint add blue web-2`,
  },

  "weft route add 192.168.50.0/24": { after: noRoute("192.168.50.0/24") },
  "weft route add 10.9.0.0/16 --via web-1 --no-masquerade": { after: noRoute("10.9.0.0/16") },
  "weft route approve 192.168.50.0/24 web-1": { first: offered, after: noRoute("192.168.50.0/24") },
  "weft route reject 192.168.50.0/24 web-1": { first: offered },
  "weft route remove 192.168.50.0/24 web-1": { first: offered },
  "weft exit offer": { after: `${noRoute("0.0.0.0/0")}; ${noRoute("::/0")}` },
  "weft exit use web-1": {
    first: "weft route add 0.0.0.0/0 --via web-1",
    after: `weft exit off; ${noRoute("0.0.0.0/0")}`,
  },
  "weft peer config phone": { inside: `${freshKeys}; ${device("phone")}` },

  "weft policy init policy.yaml": { inside: "rm -f policy.yaml" },
  "weft policy test policy.yaml": { inside: policyFile },
  "weft policy test policy.yaml --roster members.yaml": {
    inside: `${policyFile}; weft peers --json > members.yaml`,
  },
  "weft policy diff policy.yaml": { inside: policyFile },
  "weft policy import acl.hujson > policy.yaml": {
    inside: `echo '{"acls": [{"action": "accept", "src": ["tag:web"], "dst": ["*:22"]},]}' > acl.hujson`,
  },
  "weft policy apply policy.yaml": { inside: policyFile, after: unapplied },
  "weft policy apply policy.yaml --dry-run": { inside: policyFile, after: "weft policy remove --trial" },
  "weft policy rollback": { inside: `${applied}; weft policy remove > removed.txt`, after: unapplied },
  "weft policy remove --trial": {
    inside: `${policyFile}; weft policy apply policy.yaml --dry-run > applied.txt 2>&1`,
  },
  "weft policy show --yaml > policy.yaml": { inside: applied, after: unapplied },
  "weft policy explain web-1 db-1:5432": { with: { "db-1": "alpha" } },
  "weft policy explain web-1 service:orders/list --file policy.yaml": { inside: policyFile },
  "weft policy log --follow --json": { inside: denying, until: /web-1|icmp/, after: unapplied },

  "WG_QUICK_USERSPACE_IMPLEMENTATION=weft wg-quick up wg0": {
    on: "spare",
    inside: configuredInterface,
  },
  "weft wg INTERFACE": { on: "spare", inside: configuredInterface, with: { INTERFACE: "wg1" } },
  "weft wg wg0": { on: "spare", inside: configuredInterface, with: { wg0: "wg2" } },
  "weft wg wg0 && wg setconf wg0 /etc/wireguard/wg0.conf": {
    on: "spare",
    inside: configuredInterface,
    with: { "wg wg0": "wg wg3", "setconf wg0": "setconf wg3" },
  },
  "weft install --user": { inside: trusted },
  "weft install && systemctl enable --now weft": { inside: installable },
  "weft install [--user] [--name NAME]": {
    inside: trusted,
    with: { NAME: "lab" },
  },
  "weft install --name lab --state /var/lib/weft-lab": { inside: installable },
  "weft install --user && systemctl --user enable --now weft": { inside: trusted },
  "weft uninstall": { inside: `${installable}; weft install > installed.txt` },
  "weft status token > /etc/prometheus/web-1.token": { inside: covered("/etc/prometheus") },
  "weft completions zsh > ~/.zfunc/_weft": { inside: "mkdir -p ~/.zfunc" },
  "weft completions fish > ~/.config/fish/completions/weft.fish": {
    inside: "mkdir -p ~/.config/fish/completions",
  },
  "weft completions SHELL": { with: { SHELL: "bash" } },
  "weft completions bash > /etc/bash_completion.d/weft": { inside: covered("/etc/bash_completion.d") },
  "weft sim [--nodes 1000] [--seed 7] [--loss 0.05]": { with: { "1000": "40" } },
  "weft sim --nodes 1000 --seed 7 --loss 0.05": { with: { "1000": "40" } },
  "weft sim --nodes 1000 --reach": { with: { "1000": "40" } },
};
