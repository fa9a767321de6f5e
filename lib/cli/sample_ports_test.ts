import type {
  AgentControl,
  DeviceRequest,
  DnsAnswerRecord,
  DnsAnswerReport,
  DnsRecordReport,
  DnsRecordRequest,
  DnsRemoval,
  PingReport,
  ServiceControl,
  TokenReport,
  TokenRequest,
} from "../agent/mod.ts";
import { UnknownNameError, UnknownPeerError, UnknownTokenError } from "../agent/errors.ts";
import type { StatusReport } from "../agent/mod.ts";
import type { AgentOptions } from "../config/mod.ts";
import { PublicKey } from "../crypto/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { CommandError } from "./failure.ts";
import type {
  AgentParts,
  AttachedPort,
  CliPorts,
  Overlay,
  OverlayFactory,
  ServedPort,
  WgInterfacePort,
} from "./ports.ts";

const member = {
  roles: ["member"],
  labels: {},
  allowedIps: [],
  lastHandshakeAgeMs: null,
  rxBytes: 0,
  txBytes: 0,
  channel: "closed",
  path: "none",
  rttMs: null,
  lossPercent: null,
  failureCount: 0,
  score: 0,
  healthy: false,
} as const;

/** A leader with one healthy peer and one that is away. */
export const sampleStatus: StatusReport = {
  version: "0.1.0",
  state: "running",
  uptimeMs: 3_725_000,
  node: {
    id: "ffeeddccbbaa99887766554433221100",
    name: "lead",
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
  peers: [{
    ...member,
    id: "00112233445566778899aabbccddeeff",
    name: "web-1",
    publicKey: "K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk=",
    addresses: ["10.200.0.2"],
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
  }, { ...member, name: "phone", publicKey: "BBBB=", roles: ["wireguard"], addresses: ["10.200.0.3"] }],
  drops: { replayed: 3 },
  refused: { replayed: 2 },
};

const report: TokenReport = {
  id: "t1",
  createdAt: 1_700_000_000_000,
  expiresAt: 4_000_000_000_000,
  usesLeft: null,
  used: 1,
  labels: { role: "web" },
  state: "usable",
};

const dnsRecord = { name: "web-1.weft.internal.", type: "A", data: "10.200.0.2", ttlSeconds: 300 } as const;

const NO_SERVICES: ServiceControl = {
  listServices: () => [],
  pauseService: () => Promise.resolve(false),
  resumeService: () => Promise.resolve(false),
  call: () => Promise.resolve(undefined),
  publish: () => Promise.resolve({ local: 0, sent: 0, lost: 0 }),
  subscribe: () => {
    throw new TypeError("nobody subscribes here");
  },
  publisherName: () => "lead",
  offer: ({ port }) => ({ port, close: () => Promise.resolve() }),
};

/** A control that answers from tables, and writes down what it was asked to change. */
export class SampleControl implements AgentControl {
  readonly asked: unknown[] = [];
  readonly services: ServiceControl = NO_SERVICES;

  status(): StatusReport {
    return sampleStatus;
  }

  createToken(request: TokenRequest): { token: string; report: TokenReport } {
    this.asked.push(request);
    return { token: "weft1-made", report };
  }

  listTokens(): TokenReport[] {
    return [report];
  }

  revokeToken(id: string): void {
    if (id !== "t1") {
      throw new UnknownTokenError(`Cannot revoke the token ${id}: there is none`, { hint: "List." });
    }
    this.asked.push({ revoked: id });
  }

  addDevice(request: DeviceRequest): { name: string; addresses: string[] } {
    this.asked.push(request);
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
    if (peer === "web-1") return Promise.resolve({ rttMs: 1.234, path: "direct", lastHandshakeAgeMs: 900 });
    return Promise.reject(
      new UnknownPeerError(`Cannot ping ${peer}: there is no such peer`, { hint: "List." }),
    );
  }
}

/** An overlay that keeps a diary. */
export class SampleOverlay implements Overlay {
  readonly name = "lead";
  readonly control: SampleControl = new SampleControl();
  readonly ending: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly closed: Promise<void> = this.ending.promise;
  readonly services: Overlay["services"] = {
    openPrograms: (path) => Promise.resolve(void this.#diary.push(`programs ${path}`)),
  };
  readonly #diary: string[];

  constructor(diary: string[]) {
    this.#diary = diary;
  }

  start(): Promise<void> {
    this.#diary.push("start");
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#diary.push("stop");
    return Promise.resolve();
  }

  nodeIp(): IpAddress {
    return IpAddress.fromBytes(Uint8Array.of(10, 200, 0, 1));
  }

  publicKey(): PublicKey {
    return PublicKey.fromBytes(new Uint8Array(32));
  }

  joinToken(): string {
    return "weft1-fresh";
  }
}

/** Ports without a system: what is written and done is kept. */
export class SamplePorts implements CliPorts {
  readonly version = "0.1.0";
  readonly diary: string[] = [];
  readonly overlay: SampleOverlay = new SampleOverlay(this.diary);
  readonly files: Map<string, string> = new Map();
  readonly environment: Record<string, string | undefined> = {};
  stdout = "";
  stderr = "";
  /** What the last agent was started with. */
  options: AgentOptions | undefined;
  /** Asks the agent to stop. */
  stopSignal: () => void = () => {};

  readonly terminal: CliPorts["terminal"] = {
    out: (text) => void (this.stdout += text),
    err: (text) => void (this.stderr += text),
    hasColours: false,
    isInteractive: false,
    columns: undefined,
  };

  readonly process: CliPorts["process"] = {
    environment: this.environment,
    isRoot: true,
    readText: (path) => {
      const text = this.files.get(path);
      if (text === undefined) {
        return Promise.reject(new Deno.errors.NotFound("No such file or directory (os error 2)"));
      }
      return Promise.resolve(text);
    },
    onStopSignal: (handler) => {
      this.stopSignal = handler;
      return () => void this.diary.push("signals forgotten");
    },
    onStarted: () => void this.diary.push("started"),
    exit: (code) => void this.diary.push(`exit ${code}`),
  };

  loadAgent(): Promise<AgentParts> {
    return Promise.resolve(this);
  }

  openWgInterface(name: string): Promise<WgInterfacePort> {
    this.diary.push(`open ${name}`);
    return Promise.resolve({
      ended: Promise.resolve("closed"),
      drops: () => ({}),
      close: () => {},
    });
  }

  readonly overlays: OverlayFactory = {
    initLeader: (options) => this.#make("leader", options),
    join: (token, options) => this.#make(`join ${token}`, options),
    load: (options) => this.#make("load", options),
  };

  programSocketPath(stateDir: string): string {
    return `${stateDir}/programs.sock`;
  }

  /** What a program that is attached has; nobody answers unless told. */
  attached: AttachedPort | undefined;

  attach(stateDir: string): Promise<AttachedPort> {
    this.diary.push(`attach ${stateDir}`);
    if (this.attached !== undefined) return Promise.resolve(this.attached);
    return Promise.reject(
      new CommandError(`No agent lets programs in at ${stateDir}`, { hint: "Start it." }),
    );
  }

  serveStatus(options: { readonly hostname: string; readonly port: number }): ServedPort {
    this.diary.push(`serve ${options.hostname}:${options.port}`);
    return { port: options.port, close: () => Promise.resolve(void this.diary.push("close status")) };
  }

  serveControl(options: { readonly path: string }): Promise<ServedPort> {
    this.diary.push(`serve ${options.path}`);
    return Promise.resolve({ port: 0, close: () => Promise.resolve(void this.diary.push("close control")) });
  }

  #make(how: string, options: AgentOptions): Promise<Overlay> {
    this.options = options;
    this.diary.push(how);
    return Promise.resolve(this.overlay);
  }
}
