import assert from "node:assert/strict";
import { silentLogger, VirtualClock, VirtualTimers } from "../base/mod.ts";
import { Cidr, IpAddress } from "../net/mod.ts";
import { type HostAddress, hostAddresses, HostNetwork, type HostNetworkChange } from "./host_network.ts";

function at(device: string, text: string, hardwareAddress = "02:00:00:00:00:01"): HostAddress {
  const address = IpAddress.parse(text) ?? assert.fail(text);
  return { device, hardwareAddress, address, network: Cidr.host(address) };
}

Deno.test("HostNetwork tells all who have subscribed what was added and removed, once", () => {
  const timers = new VirtualTimers(new VirtualClock());
  let now = [at("eth0", "192.0.2.1"), at("eth0", "2001:db8::1")];
  let reads = 0;
  const network = new HostNetwork({ timers, log: silentLogger }, () => (reads++, now));
  const heard: HostNetworkChange[] = [];
  timers.advance(10_000);
  assert.equal(reads, 1, "nobody wants to know");
  const ends = [
    network.subscribe(() => {
      throw new Error("full disk");
    }),
    network.subscribe((change) => heard.push(change)),
  ];
  timers.advance(10_000);
  assert.equal(heard.length, 0);
  now = [at("eth0", "2001:db8::1"), at("wlan0", "192.0.2.1")];
  timers.advance(500);
  timers.advance(10_000);
  const devices = (addresses: readonly HostAddress[]) => addresses.map(({ device }) => device);
  const seen = heard.map(({ added, removed }) => [devices(added), devices(removed)]);
  assert.deepEqual(seen, [[["wlan0"], ["eth0"]]]);
  assert.equal(network.addresses, now);
  for (const end of ends) end();
  const before = reads;
  timers.advance(10_000);
  assert.equal(reads, before);
});

Deno.test("HostNetwork notices another network that gives the same address", () => {
  const timers = new VirtualTimers(new VirtualClock());
  let now = [at("eth0", "192.168.1.100")];
  const network = new HostNetwork({ timers, log: silentLogger }, () => now);
  let changes = 0;
  using _end = { [Symbol.dispose]: network.subscribe(() => changes++) };
  now = [at("eth0", "192.168.1.100", "02:00:00:00:00:02")];
  timers.advance(1_000);
  assert.equal(changes, 1);
});

Deno.test("HostNetwork hears of an address that was lost and is there again before a look", async () => {
  const timers = new VirtualTimers(new VirtualClock());
  const home = at("eth0", "192.168.1.100");
  const told = Promise.withResolvers<{ lost: IpAddress[] } | undefined>();
  const end = Promise.withResolvers<undefined>();
  const answers = [told.promise, end.promise];
  const follower = { next: async () => await answers.shift(), close: () => end.resolve(undefined) };
  const network = new HostNetwork({ timers, log: silentLogger }, () => [home], () => follower);
  const heard: HostNetworkChange[] = [];
  const unsubscribe = network.subscribe((change) => heard.push(change));
  timers.advance(1_000);
  assert.deepEqual(heard, []);
  told.resolve({ lost: [home.address] });
  await told.promise;
  await Promise.resolve();
  await Promise.resolve();
  timers.advance(1_000);
  assert.deepEqual(heard.map(({ added, removed }) => [added, removed]), [[[home], [home]]]);
  unsubscribe();
  assert.equal(await end.promise, undefined);
});

Deno.test("hostAddresses() leaves the loopback and own devices out", () => {
  const all = hostAddresses(() => false);
  assert.ok(all.every(({ address }) => !address.isLoopback && !address.isLinkLocal));
  assert.deepEqual(hostAddresses(() => true), []);
});
