import assert from "node:assert/strict";
import fc from "fast-check";
import { Cidr } from "./cidr.ts";
import { IpAddress, type IpFamily } from "./ip_address.ts";
import { PrefixTrie } from "./prefix_trie.ts";

function cidr(text: string): Cidr {
  const parsed = Cidr.parse(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

/** What the trie must do, by trying every prefix. */
class NaiveRoutes {
  readonly #values = new Map<string, readonly [Cidr, number]>();

  insert(prefix: Cidr, value: number): number | undefined {
    const replaced = this.get(prefix);
    this.#values.set(prefix.toString(), [prefix, value]);
    return replaced;
  }

  remove(prefix: Cidr): number | undefined {
    const removed = this.get(prefix);
    this.#values.delete(prefix.toString());
    return removed;
  }

  get(prefix: Cidr): number | undefined {
    return this.#values.get(prefix.toString())?.[1];
  }

  lookup(sought: IpAddress): number | undefined {
    const holding = [...this.#values.values()].filter(([prefix]) => prefix.contains(sought));
    return holding.sort(([a], [b]) => b.prefixBits - a.prefixBits)[0]?.[1];
  }

  entries(): (readonly [Cidr, number])[] {
    return [...this.#values.values()];
  }
}

// Few bits vary, at the ends of every 32-bit word, so that prefixes nest, part and collide often.
const arbitraryAddress: fc.Arbitrary<IpAddress> = fc.oneof(
  sparseAddress(4, [0, 1, 8, 15, 30, 31]),
  sparseAddress(6, [0, 1, 31, 32, 33, 63, 64, 95, 96, 126, 127]),
);
const arbitraryCidr: fc.Arbitrary<Cidr> = arbitraryAddress.chain((host) => {
  const edges = host.family === 4 ? [0, 1, 31, 32] : [0, 31, 32, 63, 64, 95, 96, 127, 128];
  const anyBits = fc.integer({ min: 0, max: host.family === 4 ? 32 : 128 });
  return fc.oneof(fc.constantFrom(...edges), anyBits).map((bits) => Cidr.of(host, bits));
});

function sparseAddress(family: IpFamily, positions: number[]): fc.Arbitrary<IpAddress> {
  return fc.subarray(positions).map((ones) => {
    const bytes = new Uint8Array(family === 4 ? 4 : 16);
    for (const bit of ones) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
    return IpAddress.fromBytes(bytes);
  });
}

const arbitraryStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("insert"), prefix: arbitraryCidr, value: fc.nat(4) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("remove"), prefix: arbitraryCidr, value: fc.nat(4) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("removeOld"), prefix: arbitraryCidr, value: fc.nat(4) }),
  },
);

Deno.test("PrefixTrie agrees with a list that is searched from end to end", () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryStep, { maxLength: 60 }),
      fc.array(arbitraryAddress, { maxLength: 20 }),
      (steps, probes) => {
        const trie = new PrefixTrie<number>();
        const naive = new NaiveRoutes();
        for (const { kind, prefix, value } of steps) {
          if (kind === "insert") assert.equal(trie.insert(prefix, value), naive.insert(prefix, value));
          else {
            // Random prefixes seldom hit, so half of the removals take one that is there.
            const stored = naive.entries();
            const target = kind === "removeOld"
              ? stored[value % (stored.length || 1)]?.[0] ?? prefix
              : prefix;
            assert.equal(trie.remove(target), naive.remove(target));
          }
          assert.equal(trie.lookup(prefix.address), naive.lookup(prefix.address));
        }
        for (const probe of probes) assert.equal(trie.lookup(probe), naive.lookup(probe), probe.toString());
        for (const [prefix, value] of naive.entries()) assert.equal(trie.remove(prefix), value);
        for (const probe of probes) assert.equal(trie.lookup(probe), undefined);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("PrefixTrie parts two addresses that differ in any one bit", () => {
  for (const family of [4, 6] as const) {
    const addressBits = family === 4 ? 32 : 128;
    const allOnes = (1n << BigInt(addressBits)) - 1n;
    for (let bit = 0; bit < addressBits; bit++) {
      for (const base of [0n, allOnes]) {
        const hosts = [base, base ^ (1n << BigInt(bit))].map((value) => IpAddress.fromBigInt(value, family));
        const trie = new PrefixTrie<number>();
        hosts.forEach((host, i) => trie.insert(Cidr.host(host), i));
        assert.deepEqual(hosts.map((host) => trie.lookup(host)), [0, 1], `IPv${family} bit ${bit}`);
        assert.deepEqual(hosts.map((host) => trie.remove(Cidr.host(host))), [0, 1]);
      }
    }
  }
});

Deno.test("PrefixTrie.insert() replaces the value of a prefix that moves", () => {
  const trie = new PrefixTrie<string>();
  assert.equal(trie.insert(cidr("10.200.0.5/32"), "a"), undefined);
  assert.equal(trie.insert(cidr("10.200.0.5/32"), "b"), "a");
  assert.equal(trie.lookup(address("10.200.0.5")), "b");
  assert.equal(trie.remove(cidr("10.200.0.5/32")), "b");
  assert.equal(trie.lookup(address("10.200.0.5")), undefined);
});

Deno.test("PrefixTrie keeps the default routes of the families apart", () => {
  const trie = new PrefixTrie<string>();
  trie.insert(cidr("0.0.0.0/0"), "four");
  assert.equal(trie.lookup(address("::")), undefined);
  trie.insert(cidr("::/0"), "six");
  assert.equal(trie.lookup(address("255.255.255.255")), "four");
  assert.equal(trie.lookup(address("ffff::")), "six");
  assert.equal(trie.remove(cidr("0.0.0.0/0")), "four");
  assert.equal(trie.lookup(address("1.2.3.4")), undefined);
});

Deno.test("PrefixTrie.lookupBytes() reads the address inside a packet and never past its end", () => {
  const trie = new PrefixTrie<string>();
  trie.insert(cidr("0.0.0.0/0"), "default");
  trie.insert(cidr("10.0.0.0/8"), "ten");
  const packet = Uint8Array.of(0xff, 0xff, 10, 1, 2, 3);
  assert.equal(trie.lookupBytes(packet, 2, 4), "ten");
  assert.equal(trie.lookupBytes(packet, 1, 4), "default");
  assert.equal(trie.lookupBytes(packet, 3, 4), undefined);
  assert.equal(trie.lookupBytes(packet, 0, 6), undefined);
});

Deno.test("PrefixTrie holds 130,560 prefixes, moves each, and gives them up", () => {
  const trie = new PrefixTrie<number>();
  const prefixes: Cidr[] = [];
  for (let i = 0; i < 65_280; i++) {
    prefixes.push(Cidr.host(IpAddress.fromBigInt(0x0ac80000n + BigInt(i), 4)));
    prefixes.push(Cidr.host(IpAddress.fromBigInt((0xfdn << 120n) + BigInt(i), 6)));
  }
  for (const [i, prefix] of prefixes.entries()) assert.equal(trie.insert(prefix, i), undefined);
  for (const [i, prefix] of prefixes.entries()) assert.equal(trie.insert(prefix, i + 1), i);
  assert.equal(trie.lookup(address("10.200.254.255")), 2 * 65_279 + 1);
  assert.equal(trie.lookup(address("10.200.255.0")), undefined);
  for (const [i, prefix] of prefixes.entries()) assert.equal(trie.remove(prefix), i + 1);
  for (const prefix of prefixes) assert.equal(trie.lookup(prefix.address), undefined);
});
