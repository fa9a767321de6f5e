import type {
  AgentControl,
  DeviceRequest,
  DnsAnswerRecord,
  DnsAnswerReport,
  DnsRecordReport,
  DnsRecordRequest,
  DnsRemoval,
  PingReport,
  TokenReport,
  TokenRequest,
} from "../agent/mod.ts";
import {
  InvalidRequestError,
  NotLeaderError,
  UnknownNameError,
  UnknownPeerError,
  UnknownTokenError,
} from "../agent/errors.ts";
import type { PeerReport, StatusReport } from "../agent/mod.ts";
import { SampleServices } from "./sample_services_test.ts";

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

const report: TokenReport = {
  id: "t1",
  createdAt: 1_700_000_000_000,
  expiresAt: 1_700_086_400_000,
  usesLeft: null,
  used: 1,
  labels: {},
  state: "usable",
};

const dnsRecord = { name: "web-1.weft.internal.", type: "A", data: "10.200.0.2", ttlSeconds: 300 } as const;

/** A control that answers from tables, and writes down what it was asked to change. */
export class SampleControl implements AgentControl {
  readonly asked: unknown[] = [];
  readonly services: SampleServices = new SampleServices(this.asked);
  state: StatusReport["state"] = "running";

  status(): StatusReport {
    return { ...sampleStatus, state: this.state };
  }

  createToken(request: TokenRequest): { token: string; report: TokenReport } {
    this.asked.push(request);
    if (request.labels?.fail) throw new Error("a secret detail");
    return { token: "weft1-secret", report };
  }

  listTokens(): TokenReport[] {
    return [report];
  }

  revokeToken(id: string): void {
    if (id !== "t1") throw new UnknownTokenError(`Cannot revoke the token ${id}: there is none`);
    this.asked.push({ revoked: id });
  }

  addDevice(request: DeviceRequest): { name: string; addresses: string[] } {
    this.asked.push(request);
    if (request.name === "bad") throw new InvalidRequestError("Cannot add bad: the key is none");
    return { name: request.name, addresses: ["10.200.0.9"] };
  }

  promoteLeader(node: string): Promise<void> {
    this.asked.push({ promoted: node });
    return Promise.resolve();
  }

  demoteLeader(node: string): Promise<void> {
    this.asked.push({ demoted: node });
    return Promise.resolve();
  }

  rotateKey(): Promise<{ publicKey: string; id: string }> {
    this.asked.push("rotated");
    return Promise.resolve({
      publicKey: "K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk=",
      id: "ab".repeat(16),
    });
  }

  removePeer(peer: string): void {
    this.asked.push({ removed: peer });
    throw new NotLeaderError("Cannot remove a peer here: this node is no leader", {
      hint: "Ask the leader.",
    });
  }

  listNames(): DnsRecordReport[] {
    return [{ ...dnsRecord, source: "member" }, { ...dnsRecord, name: "weft.internal.", source: "zone" }];
  }

  addName(request: DnsRecordRequest): DnsAnswerRecord {
    this.asked.push(request);
    return { ...dnsRecord, ...request };
  }

  removeName(removal: DnsRemoval): number {
    if (removal.name !== "db") throw new UnknownNameError(`Cannot remove ${removal.name}: there is none`);
    this.asked.push({ removedName: removal });
    return 1;
  }

  resolveName(name: string, type = "A"): Promise<DnsAnswerReport> {
    const code = name === "web-1" ? "NOERROR" : "NXDOMAIN";
    const answers = code === "NOERROR" ? [{ ...dnsRecord, type }] : [];
    return Promise.resolve({ code, isAuthoritative: true, answers, authority: [] });
  }

  ping(peer: string): Promise<PingReport> {
    if (peer !== "web-1") return Promise.reject(new UnknownPeerError(`Cannot ping ${peer}: unknown`));
    return Promise.resolve({ rttMs: 1.25, path: "direct", lastHandshakeAgeMs: 900 });
  }
}
