/**
 * This host's resolver beside other name servers, other agents and other network namespaces.
 * @module
 */

import assert from "node:assert/strict";
import {
  CapturedProcess,
  createScratch,
  type Host,
  Lab,
  labTest,
  nodeOn,
  PACKET_PLANE,
  type Place,
  recordNames,
  run,
  trustedProgram,
  waitFor,
  WeftNode,
} from "../lab/mod.ts";

const NAMES = [...PACKET_PLANE, "getent"];
const MOUNTS = [...PACKET_PLANE, "unshare", "nsenter"];
const STRANGER = "198.51.100.66";

/** @returns the first address that a program on the host is given for a name, or undefined */
async function resolve(host: Host, name: string): Promise<string | undefined> {
  const { stdout } = await host.namespace.run(["getent", "ahostsv4", name]);
  return stdout.split(/\s/)[0] || undefined;
}

const resolverConf = (host: Host): Promise<string> => Deno.readTextFile(host.namespace.resolverConfPath);

/** @returns options of a second agent on a host, in a network of its own */
const secondAgent = (host: Host): readonly string[] => [
  "--interface",
  "weft1",
  "--port",
  "51821",
  "--cidr",
  "10.201.0.0/16",
  "--status-port",
  "off",
  "--endpoint",
  `${host.address4}:51821`,
];

labTest(
  "names of the zone are asked of nobody else, whatever the search list makes of them",
  NAMES,
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = [lab.host("A"), lab.host("B")];
    const site = lab.use(
      await recordNames(b.namespace, b.address4, { domain: "example.com", address: STRANGER }),
    );
    await Deno.writeTextFile(
      a.namespace.resolverConfPath,
      `search example.com\nnameserver ${b.address4}\noptions timeout:2 attempts:1\n`,
    );
    // The runtime looks for its own new versions.
    const askedNames = (): readonly string[] =>
      site.asked().filter((name) => !name.startsWith("dl.deno.land."));
    const node = nodeOn(lab, "A");
    await node.startLeader();
    for (const name of ["web-1", "api.web-1", "api.a"]) {
      await node.expectCommand(
        "dns",
        "add",
        name,
        "A",
        "10.200.9.9",
      );
    }
    assert.match(await resolverConf(a), /^search weft\.internal example\.com$/m);
    const probes = askedNames().length;
    assert.deepEqual([...new Set(askedNames())], ["."]);

    assert.equal(await resolve(a, "a"), "10.200.0.1");
    assert.equal(await resolve(a, "a.weft.internal"), "10.200.0.1");
    assert.equal(await resolve(a, "web-1"), "10.200.9.9");
    assert.equal(await resolve(a, "api.web-1"), "10.200.9.9");
    // A member that is gone is no stranger.
    assert.equal(await resolve(a, "gone.weft.internal"), undefined);
    assert.deepEqual(askedNames().slice(probes), []);

    // Of what may be a domain of its own, nothing but that is asked.
    assert.equal(await resolve(a, "api.a"), "10.200.9.9");
    assert.deepEqual(new Set(askedNames().slice(probes)), new Set(["a."]));

    assert.equal(await resolve(a, "www.example.com"), STRANGER);
    assert.equal(await resolve(a, "intranet"), STRANGER);
    await node.stop();
  },
);

labTest(
  "names of the zone wait for nobody while the upstream is dead, and doctor and status say so",
  NAMES,
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = [lab.host("A"), lab.host("B")];
    // Nobody has that address, so that nothing comes back.
    await b.namespace.ip("link set eth0 down");
    await Deno.writeTextFile(a.namespace.resolverConfPath, `search example.com\nnameserver ${b.address4}\n`);
    const node = nodeOn(lab, "A");
    await node.startLeader();
    for (const name of ["a", "a.weft.internal"]) {
      const { stdout, tookMs } = await a.namespace.run(["getent", "hosts", name]);
      assert.match(stdout, /\ba\.weft\.internal\b/);
      assert(tookMs < 1_000, `${name}: ${tookMs} ms`);
    }
    const first = await node.command("dns", "query", "www.example.org");
    assert.match(first.stderr, /SERVFAIL/);
    await node.untilStatus(
      ({ dns }) => dns?.upstreams?.every(({ state }) => state === "silent") ?? false,
      5_000,
      "the upstream is known to be silent",
    );
    const doctor = await node.command("doctor");
    assert.equal(doctor.code, 1);
    assert.match(doctor.stdout, new RegExp(`names .*upstream ${b.address4}:53 not answering`));
    assert.match(await node.expectCommand("status"), new RegExp(`upstream ${b.address4}:53 does not answer`));

    await b.namespace.ip("link set eth0 up");
    lab.use(await recordNames(b.namespace, b.address4, { domain: "example.com", address: STRANGER }));
    await node.untilStatus(
      ({ dns }) => dns?.upstreams?.every(({ state }) => state === "answers") ?? false,
      20_000,
      "it is known that the upstream answers again",
    );
    assert.equal(await resolve(a, "www.example.com"), STRANGER);
    assert.match((await node.command("doctor")).stdout, /ok +names /);
    await node.stop();
  },
);

/** A machine whose processes have a resolv.conf, and a network namespace that was given none of its own. */
async function namespaceWithout(
  lab: Lab,
  name: string,
): Promise<{ readonly place: Place; readonly path: string }> {
  const { namespace } = lab.host(name);
  const path = `${lab.scratch.path}/machine-resolv.conf`;
  await Deno.writeTextFile(path, "search example.com\nnameserver 192.0.2.1\n");
  // Only within this mount namespace it is /etc/resolv.conf.
  const script = 'set -e; mount --bind "$0" /etc/resolv.conf; echo mounted; exec sleep 600';
  const holder = lab.use(
    new CapturedProcess(["unshare", "--mount", "--propagation", "private", "bash", "-c", script, path]),
  );
  await holder.until((process) => process.stdout.includes("mounted"), 5_000, "the file is mounted");
  const enter = ["nsenter", "--target", String(holder.pid), "--mount"];
  const command = (args: readonly string[]): readonly string[] => [
    ...enter,
    "nsenter",
    `--net=/run/netns/${namespace.name}`,
    ...args,
  ];
  return { place: { label: `${name} without a resolv.conf`, command }, path };
}

labTest(
  "an agent leaves the resolv.conf of another network namespace alone, and serves names",
  MOUNTS,
  async () => {
    await using lab = await Lab.create(["A"]);
    const { place, path } = await namespaceWithout(lab, "A");
    const before = await Deno.readTextFile(path);
    const node = lab.use(new WeftNode(place, { name: "a", stateDir: `${lab.scratch.path}/state` }));
    await node.startLeader();
    assert.equal(await Deno.readTextFile(path), before);
    const { dns } = await node.status();
    assert.equal(dns?.resolver, "off");
    assert.match(
      dns.problem ?? "",
      /another network namespace has it too|belongs to another network namespace/,
    );
    assert.match(dns.hint ?? "", /\/etc\/netns\/NAME\/resolv\.conf/);
    assert.match(await node.expectCommand("dns", "query", "a"), /10\.200\.0\.1/);
    const doctor = await node.command("doctor");
    assert.equal(doctor.code, 1);
    assert.match(doctor.stdout, /\/etc\/netns\/NAME\/resolv\.conf/);
    const lines = `${node.process.stdout}${node.process.stderr}`.split("\n");
    assert.equal(lines.filter((line) => line.includes("resolver is left alone")).length, 1);
    await node.kill();
    assert.equal(await Deno.readTextFile(path), before);

    // Told to, it does no more.
    await node.start("up", "--dns-resolver", "resolv.conf");
    assert.equal(await Deno.readTextFile(path), before);
    await node.stop();
    assert.equal(await Deno.readTextFile(path), before);
  },
);

labTest("whoever starts next puts back the resolver of an agent that was killed", NAMES, async () => {
  await using lab = await Lab.create(["A"]);
  const host = lab.host("A");
  const before = await resolverConf(host);
  const first = nodeOn(lab, "A");
  await first.startLeader();
  await first.kill();
  const stranger = lab.use(
    new WeftNode(host.namespace, { name: "b", stateDir: `${host.folder}/other` }),
  );
  const doctor = await stranger.command("doctor");
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /left over .*the resolver in \/etc\/resolv\.conf/);
  assert.match(doctor.stdout, /hint: .*weft cleanup/);

  // An agent of another network and state.
  await stranger.startLeader(...secondAgent(host));
  assert.match(await resolverConf(host), /^nameserver 10\.201\.0\.1$/m);
  assert.doesNotMatch(await resolverConf(host), /10\.200\.0\.1/);
  await stranger.stop();
  assert.equal(await resolverConf(host), before);

  // `weft cleanup` where there is no state at all.
  await first.start("up");
  await first.kill();
  await Deno.remove(first.stateDir, { recursive: true });
  assert.match(await first.expectCommand("cleanup"), /Undid the resolver in \/etc\/resolv\.conf/);
  assert.equal(await resolverConf(host), before);
  assert.equal((await first.command("doctor")).code, 0);
});

labTest(
  "two networks of a host: interfaces of their own, names of both, in whatever order they start and stop",
  NAMES,
  async (test) => {
    await using lab = await Lab.create(["A"]);
    const host = lab.host("A");
    const before = await resolverConf(host);
    const first = nodeOn(lab, "A");
    const at = (name: string) => new WeftNode(host.namespace, { name, stateDir: `${host.folder}/${name}` });
    const second = lab.use(at("b"));
    const own = ["--port", "51821", "--status-port", "9181"];
    const resolves = (name: string, address: string) =>
      waitFor(async () => await resolve(host, name) === address, 10_000, { what: `${name} is ${address}` });
    await first.startLeader();
    // The other zone is another agent's.
    const { dns, dataplane } = await second.start(
      "--leader",
      ...own,
      "--cidr",
      "10.201.0.0/16",
      "--dns-zone",
      "lab.internal",
    );
    assert.equal(dataplane.interfaceName, "weft1");
    assert.deepEqual([dns?.resolver, dns?.problem], ["resolv.conf", undefined]);
    assert.match(await resolverConf(host), /^search weft\.internal$/m);
    await resolves("b.lab.internal", "10.201.0.1");
    await resolves("a.weft.internal", "10.200.0.1");
    await resolves("a", "10.200.0.1");
    assert.match(await host.namespace.expectRun(["getent", "hosts", "10.201.0.1"]), /\bb\.lab\.internal\b/);

    await test.step("what two networks can't both have is said in one line", async () => {
      const refused = async (line: string, problem: RegExp) => {
        const third = lab.use(at("c"));
        const { code, stderr } = await third.launch("--leader", ...line.split(" ")).finished;
        assert.equal(code, 1, stderr);
        assert.match(stderr, problem);
        assert.equal(stderr.trimEnd().split("\n").length, 2, stderr);
      };
      await refused(
        "--port 51822 --status-port off",
        /^weft: Cannot use 10\.200\.0\.0\/16: it overlaps the route .* on weft0$/m,
      );
      await refused("--port 51821 --status-port off --cidr 10.202.0.0/16", /^weft: .*51821/m);
      await refused("--port 51822 --cidr 10.202.0.0/16", /^weft: .*9180/m);
      const clash = lab.use(at("d"));
      const status = await clash.start(
        "--leader",
        "--port",
        "51822",
        "--status-port",
        "off",
        "--cidr",
        "10.202.0.0/16",
      );
      assert.equal(status.dataplane.interfaceName, "weft2");
      assert.match(status.dns?.problem ?? "", /^the network on weft0 has the zone weft\.internal\. too/);
      await clash.stop();
    });

    await test.step("whoever goes on answers, and nothing is left in the end", async () => {
      await first.stop();
      await resolves("b.lab.internal", "10.201.0.1");
      await first.start("up");
      await resolves("a.weft.internal", "10.200.0.1");
      await second.stop();
      await resolves("a.weft.internal", "10.200.0.1");
      await second.start("up", ...own);
      assert.equal((await second.status()).dataplane.interfaceName, "weft1", "it is kept");
      await second.kill();
      await first.stop();
      assert.equal(await resolverConf(host), before);
    });
  },
);

labTest("agents of several namespaces do not get into each other's way in the folder around resolv.conf", [
  ...PACKET_PLANE,
  "unshare",
], async () => {
  await using scratch = await createScratch("resolver");
  // What /etc is to namespaces: one folder, with a file of its own mounted in each.
  const path = `${scratch.path}/resolv.conf`;
  await Deno.writeTextFile(path, "# the machine's\n");
  const script = 'set -e; mount --bind "$0" "$1"; shift; exec "$@"';
  const files = ["a", "b"].map((name) => `${scratch.path}/own/${name}`);
  await Deno.mkdir(`${scratch.path}/own`);
  const folderMtime = (await Deno.stat(scratch.path)).mtime;
  assert(folderMtime !== null);
  const finished = await Promise.all(files.map(async (file) => {
    await Deno.writeTextFile(file, "nameserver 192.0.2.1\n");
    const program = trustedProgram("point_resolver.ts", [path, "300"]);
    return await run([
      "unshare",
      "--mount",
      "--propagation",
      "private",
      "bash",
      "-c",
      script,
      file,
      path,
      ...program,
    ]);
  }));
  for (const { stdout, stderr } of finished) assert.equal(stdout, "failed 0\n", stderr);
  for (const file of files) assert.equal(await Deno.readTextFile(file), "nameserver 192.0.2.1\n");
  assert.equal(await Deno.readTextFile(path), "# the machine's\n");
  // Nothing was put beside it, not even for a moment.
  assert.deepEqual((await Deno.stat(scratch.path)).mtime, folderMtime);
});
