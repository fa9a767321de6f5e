/**
 * What may be asked of an agent, without an agent, for tests of those who ask.
 * @module
 */

import type {
  AddedDevice,
  AgentControl,
  BackupReport,
  ChangedMember,
  DataReport,
  DeviceRequest,
  DnsAnswerRecord,
  DnsAnswerReport,
  DnsRecordReport,
  DnsRecordRequest,
  DnsRemoval,
  ExportedLeader,
  ExportRequest,
  FoundMember,
  LogLevelChange,
  LogLevels,
  LogReport,
  LogRequest,
  MeasurementsReport,
  MemberLinks,
  NetcheckReport,
  PingReport,
  RecoveredLeader,
  RecoverRequest,
  ReloadReport,
  SettingChange,
  SettingReport,
  StatusReport,
  StopReport,
  TimelineEvent,
  TimelineRequest,
  TokenReport,
  TokenRequest,
} from "../../api/mod.ts";
import {
  InvalidRequestError,
  NotLeaderError,
  UnknownNameError,
  UnknownPeerError,
  UnknownTokenError,
} from "../errors.ts";
import { sampleMeasurements } from "./sample_measurements.ts";
import { SampleRoutes } from "./sample_routes.ts";
import { sampleStatus } from "./sample_status.ts";
import { sampleData, sampleLinks, sampleTimeline } from "./sample_view.ts";

const report: TokenReport = {
  id: "t1",
  createdAt: 1_700_000_000_000,
  expiresAt: 1_700_086_400_000,
  usesLeft: null,
  used: 1,
  labels: {},
  grants: { offer: [], publish: [], subscribe: [], names: [], claimed: [] },
  state: "usable",
};

const dnsRecord = { name: "web-1.weft.internal.", type: "A", data: "10.200.0.2", ttlSeconds: 300 } as const;

/** A device whose only peer is this node. */
export const sampleDevice: AddedDevice = {
  name: "phone",
  addresses: ["10.200.0.9"],
  hub: "lead",
  mtuBytes: 1420,
  peers: [{
    name: "lead",
    publicKey: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    addresses: ["10.200.0.1"],
    allowedIps: ["10.200.0.0/16"],
    endpoint: "192.0.2.1:51820",
  }],
};

/** A host behind a NAT whose router has opened a port. */
export const sampleNetcheck: NetcheckReport = {
  udp: true,
  ipv4: { isThere: true, addresses: ["192.168.7.2"], gateway: "192.168.7.1" },
  ipv6: { isThere: false, addresses: [] },
  portMapping: [{
    gateway: "192.168.7.1",
    state: "mapped",
    protocol: "pcp",
    udp: "8.7.6.5:51820",
    tcp: "8.7.6.5:51820",
  }],
  stun: [
    { server: "192.0.2.1:3478", mapped: "8.7.6.5:51820", rttMs: 12 },
    { server: "192.0.2.2:3478", rttMs: null },
  ],
  mappingVaries: null,
  hairpin: false,
  proxy: null,
  leaders: [{ name: "lead", path: "direct", rttMs: 1.5 }],
};

/** A control that answers from tables, and writes down what it was asked to change. */
export class SampleControl extends SampleRoutes implements AgentControl {
  state: StatusReport["state"] = "running";

  status(): StatusReport {
    return { ...sampleStatus, state: this.state };
  }

  settings(): readonly SettingReport[] {
    return [{ name: "port", value: "51820", source: "default" }];
  }

  changeSetting(change: SettingChange): boolean {
    this.asked.push(change);
    return true;
  }

  hostChanges(): readonly string[] {
    return ["the interface weft0"];
  }

  backup(): Promise<BackupReport> {
    this.asked.push("backup");
    return Promise.resolve({ name: "leader", file: "d2VmdA==", dataBytes: 0 });
  }

  reload(): Promise<ReloadReport> {
    this.asked.push("reload");
    return Promise.resolve({
      changed: [{ name: "log-level", value: "debug" }],
      pending: [{ name: "port", value: "51820", next: "51821" }],
      failed: [],
    });
  }

  stop(): StopReport {
    this.asked.push("stop");
    this.state = "stopping";
    return { name: this.status().node.name };
  }

  logs({ after = 0, lines = 2 }: LogRequest): LogReport {
    const all = [1, 2].map((number) => ({ number, text: `line ${number}` }));
    return { lines: all.filter(({ number }) => number > after).slice(-lines) };
  }

  logLevels(): LogLevels {
    return { level: "info", categories: { mesh: "debug" } };
  }

  changeLogLevel(change: LogLevelChange): LogLevels {
    this.asked.push(change);
    const { level, category } = change;
    return category === undefined ? { level, categories: {} } : {
      level: "info",
      categories: { [category]: level },
    };
  }

  measurements(): MeasurementsReport {
    return sampleMeasurements;
  }

  peers(): StatusReport["peers"] {
    return this.status().peers;
  }

  memberLinks(): readonly MemberLinks[] {
    return sampleLinks;
  }

  listData(): DataReport {
    return sampleData;
  }

  timeline({ after = 0 }: TimelineRequest): readonly TimelineEvent[] {
    return sampleTimeline.filter(({ number }) => number > after);
  }

  leaders(): StatusReport["leaders"] {
    return this.status().leaders;
  }

  statusToken({ isNew = false }: { readonly isNew?: boolean }): { token: string } {
    if (isNew) this.asked.push({ isNew });
    return { token: isNew ? "another-token" : "the-token" };
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

  addDevice(request: DeviceRequest): AddedDevice {
    this.asked.push(request);
    if (request.name === "bad") throw new InvalidRequestError("Cannot add bad: the key is none");
    return { ...sampleDevice, name: request.name };
  }

  deviceConfig(device: string): AddedDevice {
    if (device !== sampleDevice.name) {
      throw new InvalidRequestError(`Cannot print a configuration for ${device}`);
    }
    return sampleDevice;
  }

  changeHub(device: string, hub: string): AddedDevice {
    this.asked.push({ device, hub });
    return { ...sampleDevice, name: device };
  }

  promoteLeader(node: string): Promise<ChangedMember> {
    this.asked.push({ promoted: node });
    return Promise.resolve({ done: true, name: node });
  }

  exportLeader(request: ExportRequest): Promise<ExportedLeader> {
    this.asked.push({ exported: request });
    return Promise.resolve({ file: "weft-recovery1-abc\n", name: "lead", members: 2 });
  }

  recoverLeader(request: RecoverRequest): Promise<RecoveredLeader> {
    this.asked.push({ recovered: request });
    return Promise.resolve({ done: true, name: "web-1", others: [] });
  }

  demoteLeader(node: string): Promise<ChangedMember> {
    this.asked.push({ demoted: node });
    return Promise.resolve({ done: true, name: node });
  }

  rotateKey(): Promise<{ publicKey: string; id: string }> {
    this.asked.push("rotated");
    return Promise.resolve({
      publicKey: "K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk=",
      id: "ab".repeat(16),
    });
  }

  removePeer(peer: string, revokeToken?: boolean): never {
    this.asked.push({ removed: peer, ...revokeToken && { revokeToken } });
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

  findMember(member: string): FoundMember {
    return { name: member === "nobody" ? null : member };
  }

  netcheck(request: object): Promise<NetcheckReport> {
    this.asked.push({ netcheck: request });
    return Promise.resolve(sampleNetcheck);
  }

  ping(peer: string): Promise<PingReport> {
    if (peer !== "web-1") return Promise.reject(new UnknownPeerError(`Cannot ping ${peer}: unknown`));
    return Promise.resolve({ rttMs: 1.25, path: "direct", lastHandshakeAgeMs: 900 });
  }
}
