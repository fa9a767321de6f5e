import assert from "node:assert/strict";
import fc from "fast-check";
import { Endpoint } from "./endpoint.ts";
import { IpAddress } from "./ip_address.ts";

Deno.test("Endpoint.parse() rejects what is no endpoint", () => {
  const malformed =
    "|:|1.2.3.4|1.2.3.4:|:80|1.2.3.4:65536|1.2.3.4:080|1.2.3.4:-1|1.2.3.4:+1|1.2.3.4: 80|1.2.3.4:80 " +
    "|1.2.3.4:8e1|[1.2.3.4]:80|::1:80|2001:db8::1|[::1]|[::1]80|[::1:80|::1]:80|[[::1]]:80|[]:80|[:80|]:80" +
    "|[fe80::1%eth0]:80|localhost:80|1.2.3.4:999999999999|1.2.3.4:80\n";
  for (const text of malformed.split("|")) {
    assert.equal(Endpoint.parse(text), undefined, JSON.stringify(text));
  }
});

Deno.test("Endpoint round-trips through text", () => {
  const arbitraryBytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(fc.property(arbitraryBytes, fc.nat(65535), (bytes, port) => {
    const endpoint = new Endpoint(IpAddress.fromBytes(bytes), port);
    const again = Endpoint.parse(endpoint.toString());
    assert.ok(again?.equals(endpoint));
    assert.equal(again?.toString(), endpoint.toString());
  }));
});

Deno.test("Endpoint.equals() compares address, family and port", () => {
  const texts = ["0.0.0.0:1", "[::]:1", "0.0.0.0:2", "0.0.0.1:1"];
  for (const a of texts) {
    for (const b of texts) {
      const [left, right] = [Endpoint.parse(a), Endpoint.parse(b)];
      assert.ok(left !== undefined && right !== undefined);
      assert.equal(left.equals(right), a === b);
    }
  }
});

Deno.test("Endpoint.parseZoned() reads link-local endpoints with a zone", () => {
  const zoned = Endpoint.parseZoned("[fe80::1%7]:51820");
  assert.deepEqual([`${zoned}`, zoned?.zone], ["[fe80::1%7]:51820", 7]);
  const named = Endpoint.parseZoned("[fe80::1%eth0]:51820", (name) => name === "eth0" ? 7 : undefined);
  assert.ok(zoned !== undefined && named?.equals(zoned));
  for (const other of ["[fe80::1%8]:51820", "[fe80::1]:51820"]) {
    assert.equal(Endpoint.parseZoned(other)?.equals(zoned), false, other);
  }
  assert.equal(Endpoint.parseZoned("192.0.2.1:1")?.zone, 0);
});

Deno.test("Endpoint.parseZoned() rejects zones that are none, and of addresses that have none", () => {
  const malformed =
    "[fe80::1%]:1|[fe80::1%0]:1|[fe80::1%-1]:1|[fe80::1%1e3]:1|[fe80::1%9999999999]:1|[fe80::1%eth0]:1" +
    "|[fe80::1%7]|[fe80::1%7]:65536|[fe80::1%7]7:1|[fe80::1%7%7]:1|fe80::1%7:1|[2001:db8::1%7]:1|192.0.2.1%7:1" +
    "|[192.0.2.1%7]:1|[::%7]:1|[%7]:1|[fe80::1%7]:1\n";
  for (const text of malformed.split("|")) {
    assert.equal(Endpoint.parseZoned(text), undefined, JSON.stringify(text));
  }
});

Deno.test("Endpoint refuses a port outside 0 to 65535", () => {
  const address = IpAddress.fromBytes(new Uint8Array(4));
  for (const port of [-1, 65536, 1.5, NaN]) assert.throws(() => new Endpoint(address, port), RangeError);
});
