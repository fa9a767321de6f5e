import assert from "node:assert/strict";
import fc from "fast-check";
import { type Millis, millis } from "../../base/mod.ts";
import { Endpoint, type IpAddress, transportChecksum } from "../../net/mod.ts";
import { type ProxyQuestion, TransparentProxy } from "./mod.ts";
import { ACK, address, FIN, packet, read, RST, segment, SYN } from "./testing/segments.ts";

const LISTENER = 45_680;
const FAMILIES = [
  { own: address("10.200.0.1"), host: address("10.200.0.9"), other: address("10.200.0.7") },
  { own: address("fd00::1"), host: address("fd00::9"), other: address("fd00::7") },
] as const;
type Family = typeof FAMILIES[number];

function makeProxy({ own, host }: Family): TransparentProxy {
  const proxy = new TransparentProxy();
  proxy.change({ listeners: [new Endpoint(own, LISTENER)], add: [host] });
  return proxy;
}

function show(proxy: TransparentProxy, bytes: Uint8Array, now: Millis = millis(0)) {
  return proxy.handlePacket(now, bytes, 0, bytes.length, false);
}

function ask(proxy: TransparentProxy): Extract<ProxyQuestion, { kind: "connect" }> {
  const question = proxy.pollQuestion();
  assert.ok(question?.kind === "connect");
  return question;
}

function takePacket(proxy: TransparentProxy) {
  return read(proxy.pollPacket() ?? assert.fail("it says nothing"));
}

/** Begins a connection of the program. @returns what its SYN was turned into */
function connect(proxy: TransparentProxy, { own, host }: Family, source = 40_000) {
  const syn = segment({ from: own, to: host, source, destination: 80, sequence: 1_000, flags: SYN });
  assert.equal(show(proxy, syn), "taken");
  const question = ask(proxy);
  proxy.answer(millis(0), question.id, "accept");
  return { question, syn: takePacket(proxy) };
}

for (const family of FAMILIES) {
  const { own, host, other } = family;
  const name = `IPv${own.family}`;

  Deno.test(`TransparentProxy holds a SYN until it is answered, and then leads it to the listener (${name})`, () => {
    const proxy = makeProxy(family);
    const syn = segment({
      from: own,
      to: host,
      source: 40_000,
      destination: 80,
      sequence: 1_000,
      flags: SYN,
    });
    assert.equal(show(proxy, syn.slice()), "taken");
    const question = ask(proxy);
    assert.deepEqual([question.host, question.port], [host.toString(), 80]);
    // Sent again meanwhile, it asks nothing.
    assert.equal(show(proxy, syn.slice()), "taken");
    assert.equal(proxy.pollQuestion(), undefined);
    assert.equal(proxy.pollPacket(), undefined);
    proxy.answer(millis(5), question.id, "accept");
    const { from, to, source, destination, sequence, flags } = takePacket(proxy);
    assert.deepEqual({ from, to, source, destination, sequence, flags }, {
      from: host.toString(),
      to: own.toString(),
      source: question.translatedPort,
      destination: LISTENER,
      sequence: 1_000,
      flags: SYN,
    });
    // Sent again later, it goes the same way.
    assert.equal(show(proxy, syn), "write");
    assert.equal(read(syn).source, question.translatedPort);
  });

  Deno.test(`TransparentProxy translates both directions, whole checksums and begun ones (${name})`, () => {
    fc.assert(fc.property(
      fc.integer({ min: 1024, max: 65_535 }).filter((port) => port !== LISTENER),
      fc.uint8Array({ maxLength: 3_000 }),
      fc.boolean(),
      (source, payload, isPartial) => {
        const proxy = makeProxy(family);
        const { question: { translatedPort } } = connect(proxy, family, source);
        const begun = (bytes: Uint8Array): Uint8Array => {
          if (!isPartial) return bytes;
          // The sum of the pseudo-header alone stands there.
          const start = own.family === 4 ? 20 : 40;
          const blank = bytes.slice();
          blank.fill(0, start);
          new DataView(bytes.buffer).setUint16(start + 16, ~transportChecksum(blank, start, 6) & 0xffff);
          return bytes;
        };
        const finish = (bytes: Uint8Array): Uint8Array => {
          if (!isPartial) return bytes;
          const start = own.family === 4 ? 20 : 40;
          const view = new DataView(bytes.buffer);
          const pseudo = view.getUint16(start + 16);
          view.setUint16(start + 16, 0);
          const blank = bytes.slice();
          blank.fill(0, start);
          assert.equal(pseudo, ~transportChecksum(blank, start, 6) & 0xffff);
          view.setUint16(start + 16, transportChecksum(bytes, start, 6));
          return bytes;
        };
        const shape = { sequence: 5, acknowledged: 6, flags: ACK, payload };
        const there = begun(segment({ from: own, to: host, source, destination: 80, ...shape }));
        assert.equal(proxy.handlePacket(millis(1), there, 0, there.length, isPartial), "write");
        const inside = read(finish(there));
        assert.deepEqual(inside, {
          ...{ from: host.toString(), to: own.toString(), protocol: 6 },
          ...{ source: translatedPort, destination: LISTENER, ...shape },
        });
        const back = begun(
          segment({ from: own, to: host, source: LISTENER, destination: translatedPort, ...shape }),
        );
        assert.equal(proxy.handlePacket(millis(2), back, 0, back.length, isPartial), "write");
        assert.deepEqual(read(finish(back)), { ...inside, source: 80, destination: source });
      },
    ));
  });

  Deno.test(`TransparentProxy refuses by a reset, and says by ICMP that nobody is there (${name})`, () => {
    const proxy = makeProxy(family);
    const syn = segment({ from: own, to: host, source: 40_000, destination: 80, sequence: 9, flags: SYN });
    show(proxy, syn.slice());
    proxy.answer(millis(0), ask(proxy).id, "refuse");
    const refusal = takePacket(proxy);
    assert.deepEqual([refusal.from, refusal.source, refusal.destination], [host.toString(), 80, 40_000]);
    assert.deepEqual([refusal.flags, refusal.sequence, refusal.acknowledged], [RST | ACK, 0, 10]);
    show(proxy, syn.slice());
    proxy.answer(millis(0), ask(proxy).id, "unreachable");
    const { protocol, type, code, body } = takePacket(proxy);
    assert.deepEqual([protocol, type, code], own.family === 4 ? [1, 3, 1] : [58, 1, 3]);
    assert.deepEqual(body, syn);
    assert.equal(proxy.connections, 0);
  });

  Deno.test(`TransparentProxy tells the program when a connection has broken, and resets what is left (${name})`, () => {
    const proxy = makeProxy(family);
    const { question: { id, translatedPort } } = connect(proxy, family);
    const says = (sequence: number, payload: Uint8Array, flags: number) =>
      show(
        proxy,
        segment({
          from: own,
          to: host,
          source: LISTENER,
          destination: translatedPort,
          sequence,
          flags,
          payload,
        }),
      );
    says(0xffff_fff0, new Uint8Array(0), SYN | ACK);
    says(0xffff_fff1, new Uint8Array(100), ACK);
    // Sent again.
    says(0xffff_fff1, new Uint8Array(10), ACK);
    proxy.answer(millis(1), id, "reset");
    const { source, destination, sequence, flags } = takePacket(proxy);
    assert.deepEqual([source, destination, sequence, flags], [80, 40_000, 0x55, RST]);
    // The listener's own connection ends with its next segment.
    assert.equal(says(85, new Uint8Array(0), ACK), "taken");
    assert.equal(takePacket(proxy).flags, RST);
    assert.equal(proxy.connections, 0);
  });

  Deno.test(`TransparentProxy tells programs when a host is there no more (${name})`, () => {
    const proxy = makeProxy(family);
    const { question } = connect(proxy, family);
    const reply = segment({
      from: own,
      to: host,
      source: LISTENER,
      destination: question.translatedPort,
      sequence: 5_000,
      flags: SYN | ACK,
    });
    assert.equal(show(proxy, reply), "write");
    const syn = { from: own, to: host, source: 40_001, destination: 80, sequence: 7_000, flags: SYN };
    assert.equal(show(proxy, segment(syn)), "taken");
    ask(proxy);
    proxy.change({ remove: [host] });
    const told = [takePacket(proxy), takePacket(proxy)].sort((a, b) =>
      Number(a.destination) - Number(b.destination)
    );
    assert.deepEqual(
      told.map((
        { destination, sequence, acknowledged, flags },
      ) => [destination, sequence, acknowledged, flags]),
      [
        [40_000, 5_001, 0, RST],
        [40_001, 0, 7_001, RST | ACK],
      ],
    );
    assert.equal(proxy.pollPacket(), undefined);
    assert.equal(proxy.connections, 0);
  });

  Deno.test(`TransparentProxy resets segments of no connection, and answers no reset (${name})`, () => {
    const proxy = makeProxy(family);
    const stray = { from: own, to: host, source: 40_000, destination: 80, sequence: 7, acknowledged: 8 };
    assert.equal(show(proxy, segment({ ...stray, flags: ACK })), "taken");
    assert.deepEqual([takePacket(proxy).flags], [RST]);
    assert.equal(show(proxy, segment({ ...stray, flags: RST })), "taken");
    assert.equal(proxy.pollPacket(), undefined);
  });

  Deno.test(`TransparentProxy holds an echo request until it is known whether the host is there (${name})`, () => {
    const proxy = makeProxy(family);
    const isIpv4 = own.family === 4;
    const payload = Uint8Array.of(isIpv4 ? 8 : 128, 0, 0, 0, 1, 2, 0, 1, 9, 9);
    const request = packet({ from: own, to: host, protocol: isIpv4 ? 1 : 58, payload }, 2);
    for (const answer of ["accept", "unreachable"] as const) {
      assert.equal(show(proxy, request.slice()), "taken");
      const question = proxy.pollQuestion();
      assert.equal(question?.kind, "echo");
      proxy.answer(millis(1), question?.id ?? 0, answer);
      const { from, type, code, body } = takePacket(proxy);
      assert.equal(from, host.toString());
      if (answer === "unreachable") assert.deepEqual([type, code], isIpv4 ? [3, 1] : [1, 3]);
      else assert.deepEqual([type, code, body], [isIpv4 ? 0 : 129, 0, Uint8Array.of(9, 9)]);
    }
  });

  Deno.test(`TransparentProxy answers other packets at once, a hundred in a second (${name})`, () => {
    const proxy = makeProxy(family);
    const isIpv4 = own.family === 4;
    const udp = packet({ from: own, to: host, protocol: 17 });
    show(proxy, udp);
    const { type, code } = takePacket(proxy);
    assert.deepEqual([type, code], isIpv4 ? [3, 3] : [1, 4]);
    show(proxy, packet({ from: own, to: host, protocol: 132 }));
    assert.deepEqual([takePacket(proxy)].map((each) => [each.type, each.code]), [isIpv4 ? [3, 2] : [4, 1]]);
    for (let i = 0; i < 300; i++) show(proxy, udp);
    let answered = 0;
    while (proxy.pollPacket() !== undefined) answered++;
    assert.equal(answered, 98);
    for (let i = 0; i < 300; i++) show(proxy, udp, millis(500));
    for (answered = 0; proxy.pollPacket() !== undefined;) answered++;
    assert.equal(answered, 50);
    assert.equal(proxy.counters.snapshot()["proxy-unreachable"], 602);
  });

  Deno.test(`TransparentProxy leaves alone what is for others, and takes nothing of others (${name})`, () => {
    const proxy = makeProxy(family);
    const syn = (from: IpAddress, to: IpAddress) =>
      segment({ from, to, source: 40_000, destination: 80, flags: SYN });
    assert.equal(show(proxy, syn(own, other)), "not-proxied");
    assert.equal(show(proxy, syn(other, host)), "taken");
    assert.equal(proxy.counters.snapshot()["proxy-foreign-source"], 1);
    assert.equal(proxy.pollQuestion(), undefined);
    assert.equal(proxy.pollPacket(), undefined);
    connect(proxy, family);
    proxy.change({ remove: [host] });
    assert.equal(proxy.isIdle, true);
    assert.equal(proxy.connections, 0);
    assert.equal(show(proxy, syn(own, host)), "not-proxied");
  });
}

Deno.test("TransparentProxy never throws, whatever a packet says, and what it writes is whole", () => {
  const [{ own, host }, v6] = FAMILIES;
  const proxy = new TransparentProxy();
  proxy.change({
    listeners: [new Endpoint(own, LISTENER), new Endpoint(v6.own, LISTENER)],
    add: [host, v6.host],
  });
  let now = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(FAMILIES[0], FAMILIES[1]),
      fc.uint8Array({ maxLength: 120 }),
      fc.constantFrom(6, 1, 58, 17, 0, 44, 50),
      fc.constantFrom(undefined, SYN, ACK, SYN | ACK, FIN | ACK, RST),
      fc.constantFrom("accept", "refuse", "unreachable", "reset"),
      fc.boolean(),
      fc.nat({ max: 160 }),
      (family, payload, protocol, flags, answer, isPartial, cut) => {
        now += 7;
        const bytes = packet({ from: family.own, to: family.host, protocol, payload });
        const start = family.own.family === 4 ? 20 : 40;
        if (flags !== undefined && payload.length > 13) bytes.set([5 << 4, flags], start + 12);
        const shown = bytes.subarray(0, Math.min(bytes.length, cut));
        proxy.handlePacket(millis(now), shown, 0, shown.length, isPartial);
        proxy.handlePacket(millis(now), bytes, 0, bytes.length, isPartial);
        for (let asked = proxy.pollQuestion(); asked !== undefined; asked = proxy.pollQuestion()) {
          proxy.answer(millis(now), asked.id, answer);
        }
        for (let out = proxy.pollPacket(); out !== undefined; out = proxy.pollPacket()) {
          // An echo reply keeps the checksum of a request that was wrong.
          if (out[start] !== 0 && out[start] !== 129) read(out);
        }
      },
    ),
    { numRuns: 20_000 },
  );
});

Deno.test("TransparentProxy counts only connections that go on, 512 to one host, and forgets the oldest that ended", () => {
  const [family] = FAMILIES;
  const { own, host } = family;
  const proxy = makeProxy(family);
  const syn = (source: number) =>
    show(proxy, segment({ from: own, to: host, source, destination: 80, sequence: source, flags: SYN }));
  for (let source = 1; source <= 512; source++) {
    syn(source);
    proxy.answer(millis(0), ask(proxy).id, "accept");
  }
  assert.equal(proxy.connections, 512);
  while (proxy.pollPacket() !== undefined);
  syn(513);
  assert.equal(proxy.pollQuestion(), undefined);
  assert.equal(takePacket(proxy).flags, RST | ACK);
  // One that has ended in both directions makes room, and its last segments still find their way.
  const end = { from: own, to: host, sequence: 2, acknowledged: 2, flags: FIN | ACK };
  assert.equal(show(proxy, segment({ ...end, source: 1, destination: 80 })), "write");
  assert.equal(show(proxy, segment({ ...end, source: LISTENER, destination: 49_152 })), "write");
  assert.equal(proxy.connections, 511);
  assert.equal(show(proxy, segment({ ...end, flags: ACK, source: 1, destination: 80 })), "write");
  // 20,000 short ones come and go.
  for (let i = 0; i < 20_000; i++) {
    const source = 1_000 + i % 40_000;
    syn(source);
    const { id } = ask(proxy);
    proxy.answer(millis(0), id, "accept");
    assert.notEqual(proxy.pollPacket(), undefined);
    show(proxy, segment({ ...end, source, destination: 80, flags: RST }));
  }
  assert.equal(proxy.connections, 511);
});

Deno.test("TransparentProxy says that a program has given up when its connection is accepted too late", () => {
  const [family] = FAMILIES;
  const { own, host } = family;
  const proxy = makeProxy(family);
  const shape = { from: own, to: host, source: 40_000, destination: 80, sequence: 1 };
  show(proxy, segment({ ...shape, flags: SYN }));
  const { id } = ask(proxy);
  assert.equal(show(proxy, segment({ ...shape, flags: RST })), "taken");
  proxy.answer(millis(1), id, "accept");
  assert.deepEqual(proxy.pollQuestion(), { kind: "gone", id });
  assert.equal(proxy.pollPacket(), undefined);
  assert.equal(proxy.connections, 0);
});

Deno.test("TransparentProxy takes a new SYN between the same ports for a new connection", () => {
  const [family] = FAMILIES;
  const { own, host } = family;
  const proxy = makeProxy(family);
  const { question } = connect(proxy, family);
  const again = { from: own, to: host, source: 40_000, destination: 80, sequence: 77_777, flags: SYN };
  assert.equal(show(proxy, segment(again)), "taken");
  const next = ask(proxy);
  assert.notEqual(next.translatedPort, question.translatedPort);
  proxy.answer(millis(0), question.id, "reset");
  assert.equal(proxy.pollPacket(), undefined);
  assert.equal(proxy.connections, 1);
  // A SYN whose question nobody has answered for long asks once more.
  const { own: o } = family;
  assert.equal(show(proxy, segment({ ...again, from: o }), millis(29_000)), "taken");
  assert.equal(proxy.pollQuestion(), undefined);
  assert.equal(show(proxy, segment(again), millis(31_000)), "taken");
  assert.notEqual(ask(proxy).id, next.id);
});
