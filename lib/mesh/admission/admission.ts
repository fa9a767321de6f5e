/**
 * How a leader lets machines in, renews their records and removes them.
 * @module
 */

import { equalBytes, KeyedRateLimiter } from "../../base/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { IpAddress } from "../../net/mod.ts";
import { type NodeId, nodeIdOf, toNodeName } from "../identity/mod.ts";
import {
  addGrants,
  areGrants,
  chainRootOf,
  keyTagOf,
  MAX_CLOCK_AHEAD_MS,
  MAX_FORMER_KEYS,
  type MemberRecord,
  NO_GRANTS,
  REMOVAL_VERSION,
  type Signed,
  signRecord,
  spendRotation,
  verifyStatement,
  VERSIONS_PER_GENERATION,
} from "../records/mod.ts";
import type { JoinRequest, KeyRotation } from "../wire/mod.ts";
import {
  type AdmissionRefusal,
  type AdmissionRequest,
  Enrolment,
  type EnrolmentOptions,
  recordLifetimeMs,
} from "./enrolment.ts";
import type { AuditActor } from "./audit_log.ts";
import { enrolDevice, type NewDevice } from "./devices.ts";
import { isProven, type RotationDelay } from "./key_rotation.ts";
import { JoinApprovals, type WaitingJoin } from "./join_approvals.ts";
import {
  amended,
  chainAfter,
  isInTime,
  knownAs,
  type MemberChanges,
  newMember,
  type NewMemberAsker,
  shorterTerm,
  underKeysOf,
  withGift,
} from "./record_terms.ts";
import { settleNames } from "./namesakes.ts";
import type { RecordEntry } from "../replica/mod.ts";
import type { TokenBook, TokenGift } from "./token_book.ts";
import { openTokenId, sealTokenId } from "./token_share.ts";

/** A record is renewed when no more than this part of its life is left, so that a leader may be away for two months. */
const RENEW_BEFORE = 2 / 3;

/** How many records are renewed in one go: each costs a signature. */
const MAX_RENEWALS = 16;
/** What all members together may ask of one leader: each rotation is two signatures and a push to everybody. */
const ALL_ROTATIONS = { burst: 64, everyMs: 100, maxSources: 1 };

/** Decides who is a member. Every decision is one transaction: token, address and record, or nothing. */
export class Admission {
  /** Who waits to be let in by this leader's operator. */
  readonly approvals: JoinApprovals;
  readonly #options: EnrolmentOptions & { readonly tokens: TokenBook };
  readonly #enrolment: Enrolment;
  readonly #rotations = new KeyedRateLimiter(ALL_ROTATIONS);

  constructor(options: EnrolmentOptions & { readonly tokens: TokenBook }) {
    this.#options = options;
    this.#enrolment = new Enrolment(options);
    this.approvals = new JoinApprovals(options.store, options);
  }

  /**
   * Lets a machine in that holds a token; the same machine again gets the same name and addresses.
   * @param isCounted whether another leader has counted this use of its token
   * @returns `pending` when this leader's operator has to approve it first
   */
  admit(request: AdmissionRequest, isCounted = false): RecordEntry | AdmissionRefusal | "pending" {
    const { tokens } = this.#options;
    const { publicKey, verifyingKey, tokenId, secret, from = "", origin = from } = request;
    if (!publicKey.equals(request.remotePublicKey)) return "refused:key-mismatch";
    const known = knownAs(this.#options.roster, request);
    if (typeof known === "string") return known;
    if (!isInTime(request.statement, this.#options.clock.wall())) return "refused:clock";
    const gift = tokens.giftFor(tokenId, secret, publicKey);
    // What only an approved machine is given, a member is not given either because it is one by another token.
    if (gift?.needsApproval && (known === undefined || withGift(known, gift) !== undefined)) {
      const { name, address } = request;
      return this.approvals.ask({ name, publicKey, verifyingKey, tokenId, from, origin, address });
    }
    return this.#by({ kind: "token", id: tokenId }, () =>
      this.#enrolment.transact(() => {
        const token = tokens.redeem(tokenId, secret, publicKey, isCounted);
        if (token === undefined) return "refused:token";
        const enrolled = known === undefined
          ? this.#enrol(request, token)
          : this.#readmit(known, token, request.ephemeralMs);
        if (typeof enrolled !== "string") this.#mergeStatement(enrolled, request.statement);
        return enrolled;
      }), { from });
  }

  /** Makes a machine a member that waits, by the word of this leader's operator; it learns it when it asks again. */
  approve(waiting: WaitingJoin, isCounted = false): RecordEntry | AdmissionRefusal {
    const { roster, tokens } = this.#options;
    const { tokenId, publicKey, nodeId, from } = waiting;
    // It may have become a member meanwhile by another token, and been removed.
    const known = knownAs(roster, waiting);
    if (typeof known === "string") return known;
    const enrolled = this.#by({ kind: "operator" }, () =>
      this.#enrolment.transact(() => {
        const token = tokens.redeem(tokenId, undefined, publicKey, isCounted);
        if (token === undefined) return "refused:token";
        return known === undefined ? this.#enrol(waiting, token) : this.#readmit(known, token);
      }), { token: tokenId, from });
    // A member is let in whether it waits or not, so a crash before this does no harm.
    if (typeof enrolled !== "string") this.approvals.forget(nodeId);
    return enrolled;
  }

  /** Answers a machine that waits from now on that it is refused. */
  refuse(waiting: WaitingJoin): void {
    const { store, audit } = this.#options;
    const { nodeId: id, name, tokenId: token, from } = waiting;
    store.transaction(() => {
      audit?.append({ kind: "refused", node: { id, name }, detail: { token, from } }, { kind: "operator" });
      this.approvals.refuse(waiting);
    });
  }

  /** Makes the record of the machine that starts the network, which may call itself what it likes. */
  addLeader(
    leader: Pick<JoinRequest, "name" | "publicKey" | "verifyingKey"> & Pick<MemberRecord, "labels">,
  ): RecordEntry | AdmissionRefusal {
    return this.#enrolment.transact(() =>
      this.#enrolment.add({ ...leader, grants: NO_GRANTS, roles: ["leader", "member"] })
    );
  }

  /**
   * Changes what the network says of a member, by an operator's act. With labels, those that nobody has confirmed yet are
   * gone.
   * @throws RangeError when a field is out of bounds
   */
  amend(record: MemberRecord, changes: MemberChanges): RecordEntry | AdmissionRefusal {
    if (this.#options.roster.isRevoked(record.publicKey)) return "refused:revoked";
    return this.#sign(this.#amended(record, changes));
  }

  /** Lets a member have a service path for which it was the first to ask. @returns undefined when it has too many */
  claim(record: MemberRecord, path: string): RecordEntry | AdmissionRefusal | undefined {
    const grants = addGrants(record.grants, { claimed: [path] });
    return areGrants(grants) ? this.renew({ ...record, grants }) : undefined;
  }

  /** Calls a member something else that nobody is called. */
  rename(record: MemberRecord, name: string): RecordEntry | AdmissionRefusal {
    if (this.#options.roster.isRevoked(record.publicKey)) return "refused:revoked";
    if (name !== toNodeName(name)) return "refused:name";
    const { roster, isNameTaken } = this.#options;
    const holder = roster.holderOfName(name);
    if (holder !== undefined) {
      if (holder.nodeId !== record.nodeId) return "refused:name-taken";
      return record.formerName === undefined ? this.#known(record) : this.amend(record, { name });
    }
    if (isNameTaken?.(name)) return "refused:name-taken";
    return this.amend(record, { name });
  }

  /**
   * Calls members something else whose names others were given first: leaders that could not see each other gave them twice.
   * @returns what was signed, at most 16 records a call
   */
  settleNames(): readonly RecordEntry[] {
    return settleNames(this.#enrolment, this.#options);
  }

  /** Gives a member an overlay address of those that this leader gives out, in place of its own. */
  readdress(record: MemberRecord, address: IpAddress): RecordEntry | AdmissionRefusal {
    if (this.#options.roster.isRevoked(record.publicKey)) return "refused:revoked";
    if (record.addresses[0]?.equals(address)) return this.#known(record);
    const signed = this.#enrolment.transact(() => {
      const taken = this.#enrolment.take(address);
      if (typeof taken === "string") return taken;
      return this.#enrolment.sign(
        this.#amended(record, { addresses: this.#enrolment.bothFamilies(address) }),
      );
    });
    if (typeof signed !== "string") this.#enrolment.release(record.addresses);
    return signed;
  }

  /**
   * Adds a device; the same key again changes what is known of it and keeps its name and addresses.
   * @throws RangeError when a field is out of bounds
   */
  addDevice(device: NewDevice): RecordEntry | AdmissionRefusal {
    return enrolDevice(device, this.#enrolment, this.#options);
  }

  /**
   * Signs records anew that are good for 60 days or less, or that a clock has dated into the future: those of devices,
   * and of members who are there. Where another leader gave a member new keys while it was being removed, one record
   * for all of them takes the place of several.
   * @param isHere whether a member is there; its record may have expired
   * @returns what was signed, at most 16 records a call
   */
  renewDue(isHere: (nodeId: NodeId) => boolean): RecordEntry[] {
    const { clock, roster } = this.#options;
    const wall = clock.wall();
    const signed: RecordEntry[] = [];
    for (const record of roster.allRecords()) {
      if (signed.length === MAX_RENEWALS) break;
      if (record.revoked) continue;
      const isRevoked = roster.isRevoked(record.publicKey);
      const isDue = record.expiresAt - wall <= recordLifetimeMs(record) * RENEW_BEFORE ||
        record.issuedAt - wall > MAX_CLOCK_AHEAD_MS;
      const entry = isRevoked
        ? record.expiresAt > wall && roster.isRemoved(record) && this.#signRemoval(record)
        : isDue && (record.verifyingKey === undefined || isHere(record.nodeId)) &&
          this.#renewIfRoom(record);
      if (typeof entry === "object") signed.push(entry);
    }
    return signed;
  }

  /** Signs a record anew as it is; its holder may have been away until it expired. */
  renew(record: MemberRecord): RecordEntry | AdmissionRefusal {
    if (record.revoked || this.#options.roster.isRevoked(record.publicKey)) return "refused:revoked";
    return this.#sign({ ...record, version: record.version + 1, ...this.#enrolment.lifetime(record) });
  }

  /**
   * Lets a member go on under new keys, with its name, addresses and roles; the old key is revoked. Each member may do
   * so four times a day, four times at once; all members together ten times a second.
   * @param from whose keys they replace
   * @returns both records, the new one first; the same again for the same keys
   */
  rotate(
    from: MemberRecord,
    to: KeyRotation,
  ): readonly [RecordEntry, RecordEntry] | RotationDelay | AdmissionRefusal {
    const { roster, clock } = this.#options;
    const { publicKey, verifyingKey, statement } = to;
    const successor = nodeIdOf(publicKey, verifyingKey);
    const [next, old] = [roster.entryOf(successor), roster.entryOf(from.nodeId)];
    if (from.successor === successor && next !== undefined && old !== undefined) {
      return roster.isRevoked(publicKey) ? "refused:revoked" : [next, old];
    }
    if (roster.isRevoked(from.publicKey)) return "refused:revoked";
    const isTaken = roster.recordByKey(publicKey) !== undefined || roster.isRevoked(publicKey);
    const spent = spendRotation(from.chain?.rotationsSpentUntil, clock.wall());
    if ("retryAfterMs" in spent) return spent;
    // Before the signature, which costs more than all that comes before it.
    if (!this.#rotations.allows(clock.now(), "")) return { retryAfterMs: ALL_ROTATIONS.everyMs };
    if (isTaken || !isProven(from.nodeId, to)) return "refused:key-mismatch";
    return this.#enrolment.transact(() => {
      const lifetime = this.#enrolment.lifetime(from);
      const { issuedAt } = lifetime;
      const keys = { nodeId: successor, publicKey, verifyingKey };
      // The new record first, so that nobody sees the name and the addresses free.
      const chain = { ...roster.chainSummary(from), rotationsSpentUntil: spent.spentUntil };
      const first = chain.generation * VERSIONS_PER_GENERATION;
      const formerKeys = [...chain.formerKeys, keyTagOf(from.publicKey)].slice(-MAX_FORMER_KEYS);
      const formerVersions = [...chain.formerVersions, from.version].slice(-MAX_FORMER_KEYS);
      const next = this.#enrolment.sign({
        ...from,
        ...keys,
        chain: { ...chain, formerKeys, formerVersions },
        version: first,
        ...lifetime,
      });
      const version = from.version + 1;
      const old = this.#enrolment.sign({ ...from, version, issuedAt, revoked: true, successor });
      this.#mergeStatement(next, statement);
      return [next, old];
    });
  }

  /**
   * Changes members again that were changed while another leader, which did not know of it, gave them new keys: or a
   * member that is about to lose a right could keep it by new keys.
   * @returns what was signed
   */
  redoMissed(): RecordEntry[] {
    const { roster, network } = this.#options;
    const redone: (RecordEntry | AdmissionRefusal)[] = [];
    for (const missed of roster.takeMissed()) {
      const [head] = roster.chainOf(missed.publicKey);
      if (head?.record.chain === undefined) continue;
      const same = underKeysOf(head.record, missed);
      if (equalBytes(signRecord(same, network.signingKey).payload, head.signed.payload)) continue;
      redone.push(this.renew({ ...same, chain: chainAfter(head.record.chain, missed) }));
    }
    return redone.filter((entry) => typeof entry === "object");
  }

  /**
   * Revokes a key for ever and frees its addresses.
   * @param hasLeft whether the member has asked for it
   * @returns the revoked record, or undefined when nobody has that key
   */
  revoke(publicKey: PublicKey, hasLeft = false): RecordEntry | undefined {
    const { roster } = this.#options;
    const known = roster.recordByKey(publicKey);
    if (known === undefined || roster.isRevoked(known.publicKey)) return undefined;
    const revoked = this.#signRemoval(known, hasLeft);
    if (typeof revoked === "string") return undefined;
    this.#enrolment.release(known.addresses);
    return revoked;
  }

  /** By which token a member came in, if by one. */
  tokenOf({ admittedBy, ...record }: MemberRecord): string | undefined {
    return admittedBy && openTokenId(admittedBy, this.#options.network.signingKey, chainRootOf(record));
  }

  /** Names every key that the member is known to have had, so that one record is enough for all of them. */
  #signRemoval(known: MemberRecord, hasLeft = false): RecordEntry | AdmissionRefusal {
    const { successor: _, chain: former, unconfirmedLabels: __, formerName: ___, ...record } = known;
    const summary = this.#options.roster.chainSummary(known);
    const rotationsSpentUntil = former?.rotationsSpentUntil ?? known.issuedAt;
    return this.#sign({
      ...record,
      // There is always room for a removal, whatever the member has had added to its record.
      labels: {},
      grants: NO_GRANTS,
      allowedIps: [],
      ...summary.formerKeys.length > 0 && { chain: { ...summary, rotationsSpentUntil } },
      version: Math.max(known.version + 1, REMOVAL_VERSION),
      // Of too many removals the latest are kept; ephemeral members' go before, and first those of members that left: or
      // whoever joins and leaves again and again could have others forget who was removed.
      ...this.#enrolment.lifetime(known),
      ...hasLeft && { expiresAt: this.#options.clock.wall() },
      revoked: true,
    });
  }

  /** Makes a new member by what its token gives. */
  #enrol(asker: NewMemberAsker, gift: TokenGift): RecordEntry | AdmissionRefusal {
    const made = newMember(asker, gift);
    if (typeof made === "string") return made;
    const admittedBy = sealTokenId(asker.tokenId, this.#options.network.signingKey, asker.publicKey);
    return this.#enrolment.add({ ...made.fields, admittedBy }, made.wanted);
  }

  /** Adds what the token gives. Signs again only when something differs: a retry changes nothing for anybody. */
  #readmit(known: MemberRecord, token: TokenGift, wishedMs?: number): RecordEntry {
    const entry = this.#options.roster.entryOf(known.nodeId);
    const shorter = known.roles.includes("leader") ? undefined : shorterTerm(known, wishedMs);
    const more = shorter ? { ...withGift(known, token), ...shorter } : withGift(known, token);
    const lifetime = this.#enrolment.lifetime(known);
    const isFresh = known.expiresAt > lifetime.issuedAt + recordLifetimeMs(known) / 2;
    if (more === undefined && isFresh && entry !== undefined) return entry;
    return this.#enrolment.sign({ ...known, ...more, version: known.version + 1, ...lifetime });
  }

  /** A statement that is malformed or another's costs nobody the admission: it is only left out. */
  #mergeStatement({ record: { nodeId, verifyingKey } }: RecordEntry, statement: Signed | undefined): void {
    if (statement === undefined || verifyingKey === undefined) return;
    if (verifyStatement(statement, verifyingKey)?.nodeId === nodeId) {
      this.#options.roster.mergeStatement(statement);
    }
  }

  #amended(record: MemberRecord, changes: MemberChanges): MemberRecord {
    return { ...amended(record, changes, this.#options.clock.wall()), ...this.#enrolment.lifetime(record) };
  }

  /** That there is no room in one record keeps nobody else from being renewed. */
  #renewIfRoom(record: MemberRecord): RecordEntry | AdmissionRefusal | undefined {
    try {
      return this.renew(record);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return undefined;
    }
  }

  /** @returns the record as it was signed */
  #known(record: MemberRecord): RecordEntry | AdmissionRefusal {
    return this.#options.roster.entryOf(record.nodeId) ?? this.renew(record);
  }

  #by<T>(actor: AuditActor, body: () => T, detail: Readonly<Record<string, string>>): T {
    const { audit } = this.#options;
    return audit === undefined ? body() : audit.as(actor, body, detail);
  }

  #sign(record: MemberRecord): RecordEntry | AdmissionRefusal {
    return this.#enrolment.transact(() => this.#enrolment.sign(record));
  }
}
