/**
 * What an agent says of itself, for tests of those who show it.
 * @module
 */

import type { PeerReport, StatusReport } from "../../api/mod.ts";

const peer: PeerReport = {
  id: "00112233445566778899aabbccddeeff",
  name: "web-1",
  publicKey: "K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk=",
  roles: ["member"],
  labels: { role: "web" },
  addresses: ["10.200.0.2"],
  allowedIps: ["10.200.0.2/32"],
  endpoint: "192.0.2.2:51820",
  lastHandshakeAgeMs: 12_345,
  rxBytes: 1_234_567,
  txBytes: 42,
  channel: "open",
  path: "direct",
  rttMs: 0.73,
  lossPercent: 5,
  failureCount: 0,
  score: 97,
  healthy: true,
};

/** A report with a healthy peer, and a device that was never reached and has a name to escape. */
export const sampleStatus: StatusReport = {
  version: "0.1.0",
  state: "running",
  uptimeMs: 61_000,
  node: {
    id: "ffeeddccbbaa99887766554433221100",
    name: "leader",
    publicKey: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    role: "leader",
    addresses: ["10.200.0.1"],
    listenPort: 51820,
    endpoints: ["192.0.2.1:51820"],
  },
  network: { id: "0123456789abcdef0123456789abcdef", cidr: "10.200.0.0/16", members: 3 },
  leaders: [{
    id: "ffeeddccbbaa99887766554433221100",
    name: "lead",
    addresses: ["10.200.0.1"],
    alive: true,
    elected: true,
    self: true,
    lastHeardMs: null,
    slices: ["10.200.0.1-10.200.127.255"],
  }, {
    id: "aaeeddccbbaa99887766554433221100",
    name: "second",
    addresses: ["10.200.0.7"],
    alive: false,
    elected: false,
    self: false,
    lastHeardMs: 61_000,
  }],
  clockSkewMs: 12,
  services: {
    services: 2,
    providers: { healthy: 2, unhealthy: 1 },
    calls: { pending: 3, running: 1 },
    programs: 1,
    rejected: 4,
    openBreakers: 0,
  },
  dataplane: { kind: "portable", interfaceName: "weft0", mtuBytes: 1420, aead: "noble" },
  dns: {
    zone: "weft.internal.",
    endpoints: ["10.200.0.1:15353"],
    sockets: "portable",
    resolver: "resolved",
    counters: { noerror: 2 },
  },
  peers: [peer, {
    name: 'a "quoted"\\\nname',
    publicKey: "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=",
    roles: ["wireguard"],
    labels: {},
    addresses: ["10.200.0.3"],
    allowedIps: ["10.200.0.3/32"],
    lastHandshakeAgeMs: null,
    rxBytes: 0,
    txBytes: 148,
    channel: "closed",
    path: "none",
    rttMs: null,
    lossPercent: null,
    failureCount: 0,
    score: 0,
    healthy: false,
  }],
  drops: { "replayed": 3, "unknown-peer": 1 },
  refused: { replayed: 2 },
};
