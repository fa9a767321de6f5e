/**
 * A mesh of any size that no agent runs, for tests of the page: who is in it, how they are linked, and what goes between
 * them, the same each time.
 * @module
 */

import { SampleControl } from "../../../lib/agent/testing/sample_control.ts";
import { sampleServices } from "../../../lib/agent/testing/sample_services.ts";
import { sampleStatus } from "../../../lib/agent/testing/sample_status.ts";
import type {
  DataReport,
  DnsRecordReport,
  MemberLinks,
  PeerReport,
  ServicesReport,
  StatusReport,
  TimelineEvent,
} from "../../../lib/api/mod.ts";
import { randomFraction, SeededRandom } from "../../../lib/base/mod.ts";
import { peerId, type ServiceReport } from "../../../lib/service/mod.ts";

const ROLES = ["web", "api", "db", "cache", "queue", "edge", "build", "desk"] as const;
const SITES = ["fra", "ams", "nyc", "sgp", "sao", "home", "office"] as const;
const COLLECTIONS = ["orders", "customers", "invoices", "sessions", "carts"] as const;
const STARTED = Date.now() - 3 * 3_600_000;

interface Member {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly role: string;
  readonly site: string;
  readonly address: string;
  readonly linked: number[];
  readonly rttMs: number;
  readonly bitsPerSecond: number;
}

/** A control whose mesh has as many nodes as it is told. */
export class MeshFixture extends SampleControl {
  /** Who does not answer, by name. */
  readonly down: Set<string> = new Set();
  readonly happened: TimelineEvent[] = [];
  /** How many calls of orders fail a second, of 412. */
  failing = 0.1;
  /** How many collections the mesh keeps. */
  collections = 5;
  readonly #members: Member[];
  readonly #beganAt = performance.now();

  /** @param size this node included, 1 or more */
  constructor(size: number) {
    super();
    const random = new SeededRandom(size);
    const below = (most: number): number => Math.floor(randomFraction(random) * most);
    this.#members = Array.from({ length: size }, (_, i): Member => {
      const role = i === 0 ? "web" : ROLES[below(ROLES.length)] ?? "web";
      const linked = [0, ...size > 17 ? [1, 2] : Array.from({ length: i }, (_, n) => n)];
      // In a large mesh everybody has a link to the leaders, to four by lot and to the next.
      if (size > 17) linked.push((i + 1) % size, ...Array.from({ length: 3 }, () => below(size)));
      return {
        id: (i + 1).toString(16).padStart(32, "0"),
        name: i === 0 ? "fra-1" : `${role}-${i}`,
        key: btoa(
          String.fromCharCode(
            ...Array.from({ length: 32 }, (_, n) => n === 0 ? i >> 8 : (i * 7 + n * 31 + 11) % 256),
          ),
        ),
        role,
        site: i === 0 ? "fra" : SITES[below(SITES.length)] ?? "fra",
        address: `10.200.${i >> 8}.${(i & 255) + 1}`,
        linked: [...new Set(linked)].filter((n) => n !== i && n < size),
        rttMs: 0.4 + below(900) / 10,
        bitsPerSecond: below(3) === 0 ? 10 ** (3.5 + below(45) / 10) : 0,
      };
    });
    this.note("started", "this agent started, weft 0.1.0");
    for (const { name } of this.#members.slice(1, 9)) this.note("joined", `${name} joined`, name);
  }

  /** Something happens. */
  note(kind: string, text: string, member?: string): void {
    const number = this.happened.length + 1;
    this.happened.push({ number, at: Date.now(), kind, text, ...member !== undefined && { member } });
  }

  override status(): StatusReport {
    const [own] = this.#members;
    const seconds = this.#seconds();
    const services: ServicesReport = {
      ...sampleStatus.services,
      ...{ services: this.listServices().length, providers: { healthy: 9, unhealthy: 1 } },
      callStats: [
        {
          service: "orders",
          action: "place",
          side: "caller",
          calls: 48_211 + Math.round(seconds * 40),
          errors: 12,
          rate: 412,
          errorRate: this.failing,
          p50Ms: 1.9,
          p99Ms: 14,
        },
        {
          service: "users",
          action: "get",
          side: "provider",
          calls: 9_120,
          errors: 0,
          rate: 8.4,
          errorRate: 0,
          p50Ms: 0.8,
          p99Ms: 4.2,
        },
      ],
    };
    return {
      ...sampleStatus,
      state: this.state,
      uptimeMs: Date.now() - STARTED,
      node: {
        ...sampleStatus.node,
        id: own?.id ?? "",
        name: own?.name ?? "",
        publicKey: own?.key ?? "",
        addresses: [own?.address ?? ""],
        labels: { role: "web", site: own?.site ?? "" },
      },
      network: { ...sampleStatus.network, members: this.#members.length },
      leaders: this.#members.slice(0, Math.min(2, this.#members.length)).map(({ id, name, address }, i) => ({
        ...{ id, name, addresses: [address], alive: true, elected: i === 0, self: i === 0 },
        lastHeardMs: i === 0 ? null : 400,
      })),
      services,
      peers: this.#members.slice(1).map((member, i) => this.#peer(member, i + 1, seconds)),
    };
  }

  override memberLinks(): readonly MemberLinks[] {
    const seconds = Math.floor(this.#seconds() / 5) * 5;
    return this.#members.slice(1).filter(({ name }) => !this.down.has(name)).map((member) => ({
      id: member.id,
      at: STARTED + seconds * 1_000,
      denied: member.role === "db" ? 7 : 0,
      links: this.#neighbours(member).map((other) => ({
        id: other.id,
        path: this.#pathOf(member, other),
        ...this.#pathOf(member, other) === "relay" && { via: "fra-1" },
        rttMs: other.rttMs,
        rxBytes: Math.round(other.bitsPerSecond * seconds / 16),
        txBytes: Math.round(member.bitsPerSecond * seconds / 16),
        lastHandshakeAt: STARTED,
        healthy: !this.down.has(other.name),
        hasChannel: true,
      })),
    }));
  }

  override timeline({ after = 0 }: { readonly after?: number }): readonly TimelineEvent[] {
    return this.happened.filter(({ number }) => number > after);
  }

  override listServices(): readonly ServiceReport[] {
    if (this.#members.length === 1) return [];
    const [sample] = sampleServices;
    if (sample === undefined) return [];
    return ["orders", "users", "billing", "search", "mail"].map((path, n) => ({
      ...sample,
      path,
      description: ["Orders of the shop", "", "Invoices and payments", "", ""][n] ?? "",
      actions: ["place", "get", "list", "cancel"].slice(0, 2 + n % 3).map((name) => ({
        name,
        idempotent: name !== "place",
      })),
      providers: this.#members.filter((_, i) => i > 0 && i % (3 + n) === 1).slice(0, 6).map((member, i) => ({
        id: peerId(member.id),
        name: member.name,
        state: i === 3 ? "paused" : "running",
        version: "1.0.0",
        isLocal: false,
        isHealthy: !this.down.has(member.name),
        ...i === 0 && { isLeader: true },
      })),
    }));
  }

  override listData(): DataReport {
    if (this.#members.length === 1) return { collections: [], queues: [] };
    const ownerOf = (n: number) => this.#members[1 + n % (this.#members.length - 1)]?.name ?? "";
    const stateOf = (owner: string) => this.down.has(owner) ? "away" as const : "kept" as const;
    const at = Date.now() - 4_000;
    return {
      collections: Array.from({ length: this.collections }, (_, n) => {
        const owner = ownerOf(n);
        return {
          ...{ name: COLLECTIONS[n] ?? `collection-${n}`, owners: [owner], state: stateOf(owner), at },
          ...{ entries: 12_345 * (n + 1) % 90_001, revision: 20_001 * (n + 2), key: "id" },
          index: ["status", "total", "customer"].slice(0, n % 4),
          ...n % 3 === 1 && { write: "role=web" },
          ...n % 5 === 3 && { seal: "role=billing" },
          ...n % 4 === 2 && { shards: 16, owners: this.#members.slice(1, 9).map(({ name }) => name) },
          ...n % 2 === 0 && { schemaVersion: 1 + n % 3 },
        };
      }),
      queues: ["invoices", "mails"].map((name, n) => ({
        ...{ name, owners: [ownerOf(n + 1)], state: stateOf(ownerOf(n + 1)), at },
        ...{ waiting: 4 + 8_200 * n, leased: 2 + n, dead: n === 0 ? 3 : 0, maxLength: 10_000 },
      })),
    };
  }

  override listNames(): DnsRecordReport[] {
    return this.#members.map(({ name, address }) => (
      { name: `${name}.weft.internal.`, type: "A", data: address, ttlSeconds: 300, source: "network" }
    ));
  }

  #seconds(): number {
    return (performance.now() - this.#beganAt) / 1_000;
  }

  #neighbours(member: Member): Member[] {
    const at = this.#members.indexOf(member);
    return this.#members.filter((other, i) =>
      other !== member && (member.linked.includes(i) || other.linked.includes(at))
    );
  }

  #pathOf(a: Member, b: Member): "direct" | "relay" | "carrier" {
    const [behind, blocked] = [
      a.site === "home" && b.site === "office",
      a.site === "office" && b.site === "home",
    ];
    if (behind || blocked) return "relay";
    return a.site === "sao" && b.site === "sgp" ? "carrier" : "direct";
  }

  #peer(member: Member, index: number, seconds: number): PeerReport {
    const [base] = sampleStatus.peers;
    const isDown = this.down.has(member.name);
    const kind = member.site === "home" && index % 3 === 0
      ? "relay"
      : member.site === "office" && index % 4 === 0
      ? "carrier"
      : "direct";
    const isDevice = this.#members.length > 5 && index % 17 === 5;
    const total = Math.round(member.bitsPerSecond * (seconds + 600) / 16);
    if (base === undefined) throw new Error("there is a sample");
    return {
      ...base,
      id: member.id,
      name: isDevice ? `phone-${index}` : member.name,
      publicKey: member.key,
      roles: [isDevice ? "wireguard" : index === 1 ? "leader" : "member"],
      version: index % 9 === 0 ? "0.0.9" : "0.1.0",
      system: index % 4 === 0 ? "linux aarch64" : "linux x86_64",
      endpoints: [`192.0.2.${index % 250}:51820`, `10.0.${index % 250}.7:51820`],
      labels: { role: member.role, site: member.site },
      addresses: [member.address, `fd00::${(index + 1).toString(16)}`],
      allowedIps: [`${member.address}/32`, `fd00::${(index + 1).toString(16)}/128`],
      rxBytes: isDown ? 1_000 : total,
      txBytes: isDown ? 2_000 : Math.round(total * 0.4),
      rttMs: isDown ? null : member.rttMs + Math.sin(seconds / 3 + index) * member.rttMs / 6,
      lossPercent: isDown ? 100 : 0,
      failureCount: isDown ? 4 : 0,
      healthy: !isDown,
      path: isDown ? "none" : kind,
      channel: isDown ? "dialing" : "open",
      lastHandshakeAgeMs: isDown ? 190_000 + seconds * 1_000 : (seconds * 1_000 + index * 3_000) % 120_000,
      lastSeenMs: isDown ? Date.now() - 70_000 : Date.now(),
      way: {
        kind: isDown ? "none" : kind,
        ...kind !== "direct" &&
          { via: "fra-1", why: `${member.name} has answered at none of its endpoints for 12 s` },
        ...kind !== "carrier" && { endpoint: `192.0.2.${index % 250}:51820` },
        rttMs: member.rttMs,
        mtuBytes: 1420,
        standbyCount: 1,
      },
    };
  }
}
