import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8Bytes } from "../base/mod.ts";
import { MAX_REQUEST_LINES, RequestReader, UAPI_ERRNO, type UapiRequest } from "./mod.ts";

const KEY = "ab".repeat(32);

function read(text: string): UapiRequest[] {
  return new RequestReader().push(utf8Bytes(text));
}

function only(text: string): UapiRequest {
  const requests = read(text);
  assert.equal(requests.length, 1, JSON.stringify(text));
  return requests[0] as UapiRequest;
}

Deno.test("RequestReader reads get and set, also several in a row", () => {
  assert.deepEqual(read("get=1\n\nget=1\n\n"), [{ kind: "get" }, { kind: "get" }]);
  const request = only(
    `set=1\nprivate_key=${KEY}\nlisten_port=0\nfwmark=51820\nreplace_peers=true\n` +
      `public_key=${KEY}\nupdate_only=true\npreshared_key=${KEY}\nendpoint=[2001:db8::1]:51820\n` +
      `persistent_keepalive_interval=25\nprotocol_version=1\nreplace_allowed_ips=true\n` +
      `allowed_ip=10.0.0.1/8\nallowed_ip=-fd00::/64\npublic_key=${"cd".repeat(32)}\nremove=true\n\n`,
  );
  assert(request.kind === "set");
  const { changes } = request;
  assert.equal(changes.privateKey?.exposeBytes()[1], 0xab);
  assert.deepEqual([changes.listenPort, changes.fwmark, changes.replacePeers], [0, 51820, true]);
  const [first, second] = changes.peers;
  assert(first !== undefined && second !== undefined);
  assert.equal(`${first.endpoint}`, "[2001:db8::1]:51820");
  assert.deepEqual([first.persistentKeepaliveSeconds, first.updateOnly, first.replaceAllowedIps], [
    25,
    true,
    true,
  ]);
  assert.deepEqual(first.allowedIps.map(({ cidr, isRemoval }) => [`${cidr}`, isRemoval]), [
    ["10.0.0.0/8", false],
    ["fd00::/64", true],
  ]);
  assert.equal(second.remove, true);
});

Deno.test("RequestReader takes keys of zeros and empty marks as none", () => {
  const request = only(`set=1\nprivate_key=${"00".repeat(32)}\nfwmark=\n\n`);
  assert(request.kind === "set");
  assert.equal(request.changes.privateKey, null);
  assert.equal(request.changes.fwmark, 0);
});

const { EINVAL, EPROTO } = UAPI_ERRNO;
const refused: readonly (readonly [string, number, boolean])[] = [
  ["set=1\nlisten_port=65536\n\n", EINVAL, false],
  ["set=1\nlisten_port=-1\n\n", EINVAL, false],
  ["set=1\nlisten_port= 1\n\n", EINVAL, false],
  ["set=1\nlisten_port\n\n", EPROTO, false],
  ["set=1\nfwmark=4294967296\n\n", EINVAL, false],
  ["set=1\nfwmark=0x10\n\n", EINVAL, false],
  ["set=1\nreplace_peers=false\n\n", EINVAL, false],
  ["set=1\nunknown=1\n\n", EINVAL, false],
  ["set=1\nallowed_ip=10.0.0.0/8\n\n", EINVAL, false],
  [`set=1\nprivate_key=${KEY}0\n\n`, EINVAL, false],
  [`set=1\nprivate_key=${KEY.slice(2)}zz\n\n`, EINVAL, false],
  [`set=1\npublic_key=${KEY}\nlisten_port=1\n\n`, EINVAL, false],
  [`set=1\npublic_key=${KEY}\nendpoint=1.2.3.4\n\n`, EINVAL, false],
  [`set=1\npublic_key=${KEY}\nendpoint=1.2.3.4:0\n\n`, EINVAL, false],
  [`set=1\npublic_key=${KEY}\nallowed_ip=10.0.0.0/33\n\n`, EINVAL, false],
  [`set=1\npublic_key=${KEY}\nallowed_ip=+10.0.0.0/8\n\n`, EINVAL, false],
  [`set=1\npublic_key=${KEY}\nprotocol_version=2\n\n`, EINVAL, false],
  [`set=1\npublic_key=${KEY}\nremove=1\nnonsense\n\n`, EINVAL, false],
  ["get=1\nx\n\n", EPROTO, true],
  ["get=2\n\n", EPROTO, true],
  ["\n", EPROTO, true],
  ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", EPROTO, true],
  ["x".repeat(100_000), EPROTO, true],
  [`set=1\npublic_key=${KEY}${"0".repeat(100_000)}\n\n`, EPROTO, true],
];

Deno.test("RequestReader refuses what is wrong, once, with its errno", () => {
  for (const [text, errno, isLast] of refused) {
    assert.deepEqual(read(text), [{ kind: "refused", errno, isLast }], JSON.stringify(text.slice(0, 60)));
  }
});

Deno.test("RequestReader goes on after a refused set, not after what is no request", () => {
  assert.deepEqual(read("set=1\nbad=1\nlisten_port=1\n\nget=1\n\n").map(({ kind }) => kind), [
    "refused",
    "get",
  ]);
  const reader = new RequestReader();
  reader.push(utf8Bytes("nonsense\nget=1\n\n"));
  assert(reader.isEnded);
  assert.deepEqual(reader.push(utf8Bytes("get=1\n\n")), []);
});

Deno.test("RequestReader ends a request of endless lines", () => {
  const reader = new RequestReader();
  const lines = utf8Bytes("listen_port=1\n".repeat(4096));
  assert.deepEqual(reader.push(utf8Bytes("set=1\n")), []);
  for (let count = 4096; count <= MAX_REQUEST_LINES; count += 4096) assert.deepEqual(reader.push(lines), []);
  assert.deepEqual(reader.push(lines), [{ kind: "refused", errno: EPROTO, isLast: true }]);
});

Deno.test("RequestReader gives the same requests however the bytes are cut", () => {
  const text = `set=1\npublic_key=${KEY}\nallowed_ip=10.0.0.0/8\n\nget=1\n\nset=1\nbad\n\nget=1\n\n`;
  const whole = read(text);
  fc.assert(fc.property(fc.array(fc.nat(text.length), { maxLength: 20 }), (cuts) => {
    const reader = new RequestReader();
    const at = [0, ...cuts.sort((a, b) => a - b), text.length];
    const pieces = at.slice(1).flatMap((to, i) => reader.push(utf8Bytes(text.slice(at[i], to))));
    assert.deepEqual(pieces, whole);
  }));
});

Deno.test("RequestReader never throws and stays bounded on random bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), fc.boolean(), (bytes, inSet) => {
    const reader = new RequestReader();
    if (inSet) reader.push(utf8Bytes("set=1\n"));
    for (const request of reader.push(bytes)) assert(request.kind === "refused" || request.kind === "set");
  }));
});

Deno.test("RequestReader takes a zone for what the host says that it is", () => {
  const zoneOf = (name: string) => name === "eth0" ? 2 : undefined;
  const endpointOf = (text: string, reader: RequestReader) => {
    const [request] = reader.push(utf8Bytes(`set=1\npublic_key=${KEY}\nendpoint=${text}\n\n`));
    if (request?.kind === "set") return `${request.changes.peers[0]?.endpoint}`;
    return request?.kind === "refused" ? request.errno : undefined;
  };
  const { EINVAL } = UAPI_ERRNO;
  const cases: readonly (readonly [string, string | number])[] = [
    ["[fe80::1%eth0]:51820", "[fe80::1%2]:51820"],
    ["[fe80::1]:51820", "[fe80::1]:51820"],
    ["[fe80::1%eth1]:51820", EINVAL],
    ["[fe80::1%eth0]:0", EINVAL],
    ["[2001:db8::1%eth0]:51820", EINVAL],
  ];
  for (const [text, expected] of cases) {
    assert.equal(endpointOf(text, new RequestReader(zoneOf)), expected, text);
  }
  assert.equal(endpointOf("[fe80::1%eth0]:51820", new RequestReader()), EINVAL);
});
