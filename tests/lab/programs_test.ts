import assert from "node:assert/strict";
import {
  fetchPage,
  Lab,
  labTest,
  measureThroughput,
  NAMESPACES,
  recordTcp,
  servePage,
  waitFor,
} from "./mod.ts";

labTest("servePage() serves inside a host, and fetchPage() fetches from another", NAMESPACES, async () => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  await using _server = await servePage(b.namespace, b.address4, { port: 8080, text: "héllo" });
  const url = `http://${b.address4}:8080/`;
  const { text, ms } = await fetchPage(a.namespace, url);
  assert.equal(text, "héllo");
  assert(ms > 0 && ms < 5_000);
});

labTest("measureThroughput() measures TCP and UDP", [...NAMESPACES, "iperf3"], async () => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  const to = { place: b.namespace, address: b.address4 };
  const tcp = await measureThroughput(a.namespace, to, ["-n", "10M"]);
  // The server stops counting when the client says that it is done; what is on its way then is not counted.
  assert(tcp.bytes > 1e6, `${tcp.bytes} bytes arrived`);
  const udp = await measureThroughput(a.namespace, to, ["-u", "-b", "50M", "-n", "1M"]);
  assert(udp.bitsPerSecond > 1e6);
  assert(udp.lostPercent !== undefined && udp.lostPercent < 50);
});

labTest("recordTcp() passes a connection on and keeps both directions", NAMESPACES, async () => {
  await using lab = await Lab.create(["A", "B", "C"]);
  const [a, b, c] = ["A", "B", "C"].map((name) => lab.host(name));
  assert(a && b && c);
  await using _server = await servePage(a.namespace, a.address4, { port: 8080, text: "through" });
  await using proxy = await recordTcp(b.namespace, {
    listen: `${b.address4}:80`,
    target: `${a.address4}:8080`,
  });
  assert.equal((await fetchPage(c.namespace, `http://${b.address4}/`)).text, "through");
  const [passed] = await waitFor(() => proxy.connections().length > 0 && proxy.connections(), 5_000);
  const text = (hex = "") => new TextDecoder().decode(Uint8Array.fromHex(hex));
  assert.match(text(passed?.toTarget), /^GET \/ HTTP\/1.1\r\n/);
  assert.match(text(passed?.fromTarget), /through$/);
});
