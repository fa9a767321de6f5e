import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  measureThroughput,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  pingMany,
  waitFor,
  WgDevice,
} from "../lab/mod.ts";

const BOUND_MS = 15_000;

/** A phone that was handed what `weft peer add --wireguard` or `weft peer hub` prints. */
class Phone implements AsyncDisposable {
  readonly host: Host;
  readonly addresses: readonly string[];
  readonly #device: WgDevice;

  private constructor(host: Host, device: WgDevice, addresses: readonly string[]) {
    this.host = host;
    this.#device = device;
    this.addresses = addresses;
  }

  static async start(host: Host, config: string): Promise<Phone> {
    const addresses = /^Address = (.*)$/m.exec(config)?.[1]?.split(", ") ?? [];
    const device = await WgDevice.start(host.namespace, { implementation: "wireguard-go", addresses });
    const phone = new Phone(host, device, addresses.map((address) => address.split("/")[0] ?? ""));
    await phone.configure(config, /^PrivateKey = .*$/m.exec(config)?.[0]);
    for (const network of /^AllowedIPs = (.*)$/m.exec(config)?.[1]?.split(", ") ?? []) {
      await phone.routeTo(network);
    }
    return phone;
  }

  /** Leads a network into the tunnel, as `wg-quick` does. */
  async routeTo(network: string): Promise<void> {
    const family = network.includes(":") ? "-6 " : "";
    await this.host.namespace.ip(`${family}route replace ${network} dev ${this.#device.name}`);
  }

  /** Takes another configuration. @param key the line with its private key, which only the first one has */
  async configure(config: string, key = `PrivateKey = ${this.#device.keys.privateKey}`): Promise<void> {
    const path = `${this.host.folder}/phone.conf`;
    const whole = config.replace(/^# PrivateKey.*$/m, key);
    await Deno.writeTextFile(path, whole, { mode: 0o600 });
    const stripped = await this.host.namespace.expectRun(["wg-quick", "strip", path]);
    await this.#device.wg("setconf", this.#device.name, await this.#device.file(stripped));
  }

  async peers(): Promise<readonly string[]> {
    return [...(await this.#device.peers()).keys()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#device[Symbol.asyncDispose]();
  }
}

async function untilReached(from: Host, address: string, isReached = true): Promise<void> {
  const what = `${from.namespace.label} ${isReached ? "reaches" : "loses"} ${address}`;
  await waitFor(async () => (await pingMany(from, address, 1) === 1) === isReached, BOUND_MS, { what });
}

async function startNode(lab: Lab, name: string, token: string, args: readonly string[]): Promise<MeshNode> {
  const weft = nodeOn(lab, name, { args });
  const { node } = await weft.start("--join", token);
  return { host: lab.host(name), weft, address: node.addresses[0] ?? "", upMs: 0 };
}

const FAST = ["--no-discovery"];
/** Its host asks no name server of the mesh, so that port 53 is there for devices alone. */
const PORTABLE = ["--no-discovery", "--dataplane", "portable", "--dns-resolver", "off"];

labTest(
  "a plain device reaches members of any time through one hub, and they reach it, on both planes",
  [...PACKET_PLANE, "wg", "wg-quick", "wireguard-go", "iperf3", "dig"],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C", "P", "Q"]);
    const a = nodeOn(lab, "A", { args: FAST });
    const token = await a.startLeader();
    const leader: MeshNode = {
      host: lab.host("A"),
      weft: a,
      address: (await a.status()).node.addresses[0] ?? "",
      upMs: 0,
    };
    const b = await startNode(lab, "B", token, PORTABLE);
    await a.untilStatus((status) => status.peers.length === 1, BOUND_MS, "B is a peer");
    const config = await a.expectCommand("peer", "add", "phone", "--wireguard", "--dns", "hub");
    assert.match(config, new RegExp(`^DNS = ${leader.address}, weft\\.internal$`, "m"));
    assert.equal(config.match(/^\[Peer\]$/mg)?.length, 1, config);
    const phone = lab.use(await Phone.start(lab.host("P"), config));
    // Who comes when the device has been configured.
    const c = await startNode(lab, "C", token, FAST);
    const members = [leader, b, c];
    const six = async ({ weft }: MeshNode) => (await weft.status()).node.addresses[1] ?? assert.fail();
    const [own4 = "", own6 = ""] = phone.addresses;

    const allReach = async () => {
      for (const member of members) {
        const addresses = [member.address, await six(member)];
        for (const address of addresses) await untilReached(phone.host, address);
        for (const own of [own4, own6]) await untilReached(member.host, own);
        // One may be lost where a member's path to the hub changes meanwhile.
        for (const address of addresses) assert.ok(await pingMany(phone.host, address, 10) >= 9, address);
      }
    };

    await test.step("the device and members of any time reach each other, in both families", allReach);

    await test.step("a policy holds for the device, which asks none itself; its answers and names pass", async () => {
      const rules = [{ deny: { from: "name=phone", to: "name in (a, c)" } }, {
        allow: { from: "*", to: "*" },
      }];
      await a.post("/policies", { document: { rules }, yes: true });
      for (const address of [leader.address, c.address, await six(c)]) {
        await untilReached(phone.host, address, false);
      }
      assert.equal(await pingMany(phone.host, b.address, 5), 5);
      assert.equal(await pingMany(c.host, own4, 5), 5, "what the member begins");
      const { stdout } = await phone.host.namespace.run(
        ["dig", "+short", "+time=2", "+tries=1", `@${leader.address}`, "b.weft.internal"],
      );
      assert.equal(stdout.trim(), b.address);
      await a.delete("/policies");
      await untilReached(phone.host, c.address);
    });

    await test.step("members that are not its hub have no session with it, and say through whom it is", async () => {
      const status = await c.weft.untilStatus(
        ({ peers }) => peers.some(({ name, path }) => name === "phone" && path === "hub"),
        BOUND_MS,
        "it knows the hub",
      );
      const device = status.peers.find(({ name }) => name === "phone");
      assert.deepEqual([device?.hub, device?.healthy, device?.lastHandshakeAgeMs], ["a", true, null]);
      assert.match(await c.weft.expectCommand("peers"), /^phone .* via a /m);
      assert.equal((await phone.peers()).length, 1);
    });

    await test.step("names are answered to the device by its hub, on the port that it knows", async () => {
      const dig = async (server: string, name: string) =>
        (await phone.host.namespace.expectRun(["dig", `@${server}`, "+short", "+time=2", "+tries=2", name]))
          .trim();
      assert.equal(await dig(leader.address, "c.weft.internal"), c.address);
      // One whose host has a resolver of its own answers devices when it starts as their hub.
      const added = await a.command("peer", "add", "tablet", "--wireguard", "--hub", "b", "--dns");
      assert.match(added.stderr, /^warning: b does not answer at .* port 53/m);
      await b.weft.untilStatus(({ peers }) => peers.some(({ hub }) => hub === "b"), BOUND_MS, "it is a hub");
      await b.weft.process.stop("SIGTERM");
      await b.weft.start("up");
      await untilReached(phone.host, b.address);
      assert.equal(await dig(b.address, "a.weft.internal"), leader.address);
    });

    await test.step("TCP goes both ways at the MTU of the network", async () => {
      for (const member of [b, c]) {
        const to = { place: member.host.namespace, address: member.address };
        for (const direction of [[], ["-R"]]) {
          const { bytes } = await measureThroughput(phone.host.namespace, to, ["-n", "20M", ...direction]);
          // The receiver stops counting when the sender is done.
          assert.ok(bytes >= 10_000_000, `${bytes}`);
        }
      }
    });

    await test.step("the hub passes nothing on between members, nor what a device has no right to send", async () => {
      const before = (await a.status()).drops["source-not-allowed"] ?? 0;
      await phone.host.namespace.ip(`addr add 10.200.77.77/32 dev lo`);
      await phone.host.namespace.run(["ping", "-c", "2", "-W", "1", "-I", "10.200.77.77", c.address]);
      await a.untilStatus(
        ({ drops }) => (drops["source-not-allowed"] ?? 0) >= before + 2,
        BOUND_MS,
        "it counts what came from elsewhere",
      );
    });

    await test.step("a network behind a member is reached once a leader approves it, by what is printed anew", async () => {
      await c.host.namespace.ip(
        "link add lan type bridge",
        "addr add 192.168.50.9/24 dev lan",
        "link set lan up",
      );
      await c.weft.expectCommand("route", "add", "192.168.50.0/24");
      await waitFor(async () => (await a.get("/routes")).includes("192.168.50.0/24"), BOUND_MS, {
        what: "the leader sees the offer",
      });
      await a.expectCommand("route", "approve", "192.168.50.0/24", "c");
      const anew = await a.expectCommand("peer", "config", "phone", "--allowed", "192.168.50.0/24");
      assert.match(anew, /^AllowedIPs = .*192\.168\.50\.0\/24/m);
      await phone.configure(anew, /^PrivateKey = .*$/m.exec(config)?.[0]);
      await phone.routeTo("192.168.50.0/24");
      await untilReached(phone.host, "192.168.50.9");
      await a.expectCommand("route", "remove", "192.168.50.0/24");
      await untilReached(phone.host, "192.168.50.9", false);
    });

    await test.step("another hub takes its place, with what the command prints", async () => {
      const moved = await a.expectCommand("peer", "hub", "phone", "b");
      assert.match(moved, /^# b, through which it reaches all members with an interface$/m);
      const key = /^PrivateKey = .*$/m.exec(config)?.[0];
      await phone.configure(moved, key);
      await allReach();
      assert.match(await c.weft.expectCommand("peers"), /^phone .* via b /m);
      const to = { place: c.host.namespace, address: c.address };
      for (const direction of [[], ["-R"]]) {
        await measureThroughput(phone.host.namespace, to, ["-n", "20M", ...direction]);
      }
    });

    await test.step("a hub that is removed leaves a device without one, which everybody says", async () => {
      const removed = await a.expectCommand("peer", "remove", "b");
      assert.match(removed, /^It passed packets on for phone, tablet: `weft peer hub phone NODE`/m);
      for (const member of [leader, c]) {
        await member.weft.untilStatus(
          ({ peers }) => peers.some(({ name, hub }) => name === "phone" && hub === null),
          BOUND_MS,
          "it says that there is no hub",
        );
      }
      assert.match(await a.expectCommand("peers"), /^phone .* away .* no hub /m);
      const doctor = await a.command("doctor");
      assert.match(doctor.stdout, /no member passes packets on for phone/);
      await untilReached(phone.host, c.address, false);
      await phone.configure(
        await a.expectCommand("peer", "hub", "phone", "c"),
        /^PrivateKey = .*$/m.exec(config)?.[0],
      );
      await untilReached(phone.host, leader.address);
      await untilReached(c.host, own4);
    });

    await test.step("a device that is removed reaches nobody, and nobody reaches it", async () => {
      await a.expectCommand("peer", "remove", "phone");
      for (const member of [leader, c]) await untilReached(phone.host, member.address, false);
      await untilReached(leader.host, own6, false);
    });
  },
);

labTest(
  "weft peer add refuses what it cannot do, and says why",
  [...PACKET_PLANE],
  async () => {
    await using lab = await Lab.create(["A"]);
    const a = nodeOn(lab, "A", { args: FAST });
    await a.startLeader();
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["a"], /^weft: Cannot add a: the name is taken.*\nhint: .*peer rename a/],
      [["p", "--allowed-ip", "0.0.0.0/0"], /every network there is\nhint: /],
      [["p", "--allowed-ip", "::/0"], /every network there is\nhint: /],
      [["p", "--allowed-ip", "10.200.9.0/24"], /overlaps 10\.200\.0\.0\/16, which is the mesh's own\nhint: /],
      [["p", "--allowed-ip", "127.0.0.0/8"], /is this host itself\nhint: /],
      [["p", "--allowed-ip", "224.0.0.0/8"], /multicast\nhint: /],
      [["p", "--allowed-ip", "169.254.0.0/16"], /every link\nhint: /],
      [["p", "--hub", "nobody"], /Cannot find "nobody"/],
      [["p", "--hub", "a", "--direct"], /Cannot use both/],
    ];
    for (const [args, told] of cases) {
      const { code, stderr } = await a.command("peer", "add", ...args, "--wireguard");
      assert.notEqual(code, 0, args.join(" "));
      assert.match(stderr, told, args.join(" "));
    }
    assert.equal((await a.status()).peers.length, 0);
    const router = await a.command("peer", "add", "router", "--wireguard", "--allowed-ip", "192.168.7.0/24");
    assert.equal(router.code, 0, router.stderr);
    assert.match(router.stderr, /Members reach 192\.168\.7\.0\/24 through router/);
    const other = await a.command("peer", "add", "other", "--wireguard", "--allowed-ip", "192.168.7.0/24");
    assert.match(other.stderr, /192\.168\.7\.0\/24 is behind router already/);
    const hub = await a.command("peer", "hub", "router", "router");
    assert.match(hub.stderr, /Cannot make router a hub: it is a plain device itself/);
  },
);
