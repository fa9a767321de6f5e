/**
 * Networks and members for this folder's tests.
 * @module
 */

import assert from "node:assert/strict";
import { SeededRandom, type UnixMillis, unixMillis, WeftError } from "../../base/mod.ts";
import type { SigningKey } from "../../crypto/mod.ts";
import { AddressRange, Endpoint, IpAddress } from "../../net/mod.ts";
import { decodeMessage, encodeMessage, MemberRecordSchema } from "../../proto/mod.ts";
import type { AddressPool } from "../admission/enrolment.ts";
import { generateNetwork, type NetworkIdentity, NodeIdentity } from "../identity/identity.ts";
import { NO_GRANTS } from "../records/grants.ts";
import { type MemberRecord, RECORD_LABEL, signRecord } from "../records/member_record.ts";
import { signStatement } from "../records/node_statement.ts";
import { type Signed, signPayload } from "../records/signed.ts";
import { signEntry, type StateEntry } from "../records/state_entry.ts";

/** When the virtual clocks of the tests start. */
export const START: UnixMillis = unixMillis(1_700_000_000_000);

/** A network with a key, and as many nodes as a test asks for; the same for the same seed. */
export class TestNetwork {
  readonly random: SeededRandom;
  readonly identity: NetworkIdentity & { readonly signingKey: SigningKey };

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.identity = generateNetwork(this.random);
  }

  node(): NodeIdentity {
    return NodeIdentity.generate(this.random);
  }

  record(node: NodeIdentity, fields: Partial<MemberRecord> = {}): MemberRecord {
    return {
      networkId: this.identity.id,
      nodeId: node.id,
      name: `n-${node.id.slice(0, 8)}`,
      publicKey: node.publicKey,
      verifyingKey: node.signingKey.verifyingKey,
      addresses: [address("10.200.0.2")],
      allowedIps: [],
      labels: {},
      grants: NO_GRANTS,
      roles: ["member"],
      version: 1,
      issuedAt: START,
      expiresAt: unixMillis(START + 86_400_000),
      revoked: false,
      ...fields,
    };
  }

  /** An entry that `node` writes. */
  entry(node: NodeIdentity, fields: Partial<StateEntry> = {}): Signed {
    return signEntry(this.entryFields(node, fields), node.signingKey);
  }

  entryFields(node: NodeIdentity, fields: Partial<StateEntry> = {}): StateEntry {
    return {
      networkId: this.identity.id,
      origin: node.id,
      kind: "name",
      key: "web",
      version: 1,
      issuedAt: START,
      expiresAt: unixMillis(START + 86_400_000),
      isDeleted: false,
      body: new Uint8Array(0),
      ...fields,
    };
  }

  signed(node: NodeIdentity, fields: Partial<MemberRecord> = {}): Signed {
    return signRecord(this.record(node, fields), this.identity.signingKey);
  }

  /** A record as the former release signed it: without grants, and with any name. */
  former(node: NodeIdentity, name: string, fields: Partial<MemberRecord> = {}): Signed {
    const { payload } = this.signed(node, fields);
    const message = decodeMessage(MemberRecordSchema, payload, payload.length) ?? assert.fail();
    delete message.grants;
    const renamed = encodeMessage(MemberRecordSchema, { ...message, name });
    return signPayload(RECORD_LABEL, renamed, this.identity.signingKey);
  }
}

/** @returns a statement that `node` is at these endpoints, on both planes */
export function stated(
  node: NodeIdentity,
  of: number | { readonly version: number; readonly issuedAt: UnixMillis },
  ...texts: readonly string[]
): Signed {
  const endpoints = texts.map((text) => Endpoint.parse(text) ?? assert.fail(text));
  const fields = typeof of === "number" ? { version: of, issuedAt: START } : of;
  return signStatement(
    { nodeId: node.id, endpoints, channelEndpoints: endpoints, labels: {}, ...fields },
    node.signingKey,
  );
}

/** @returns the address that `text` is */
export function address(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}

class NoAddress extends WeftError {
  readonly code = "NoAddress";
}

/** Hands out the lowest free of 10.200.0.1 to 10.200.0.`size`. */
export class SmallPool implements AddressPool {
  readonly taken: Set<string> = new Set();
  slices: readonly AddressRange[];

  constructor(size: number) {
    this.slices = [range(1, size)];
  }

  /** Takes the lowest free address. */
  allocate(): IpAddress {
    for (const { first, last } of this.slices) {
      for (let host = first.toBigInt(); host <= last.toBigInt(); host++) {
        const address = IpAddress.fromBigInt(host, 4);
        if (this.taken.has(address.toString())) continue;
        this.taken.add(address.toString());
        return address;
      }
    }
    throw new NoAddress("all are taken");
  }

  allocateSpecific(address: IpAddress): void {
    if (address.family === 6) throw new NoAddress("not in the pool");
    this.taken.add(address.toString());
  }

  release(address: IpAddress): boolean {
    return this.taken.delete(address.toString());
  }

  setSlices(ranges: readonly AddressRange[]): void {
    this.slices = ranges;
  }

  /** Gives up the upper half of the first slice, which is to be free. */
  cutSlice(): AddressRange | undefined {
    const [slice] = this.slices;
    if (slice === undefined || slice.size < 2n) return undefined;
    const [first, last] = [slice.first.toBigInt(), slice.last.toBigInt()];
    const middle = first + (last - first) / 2n;
    this.slices = [AddressRange.fromBigInts(first, middle, 4)];
    return AddressRange.fromBigInts(middle + 1n, last, 4);
  }
}

function range(first: number, last: number): AddressRange {
  const at = (host: number) => IpAddress.fromBytes(Uint8Array.of(10, 200, 0, host));
  return new AddressRange(at(first), at(last));
}
