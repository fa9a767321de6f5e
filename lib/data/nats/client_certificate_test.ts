import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { checkClientCertificate, hasExpired } from "./client_certificate.ts";

/** A certificate of a test's own, in Ed25519, with its key, and the key under a passphrase. */
const CERTIFICATE = pem(
  "CERTIFICATE",
  [
    "MIIBMjCB5aADAgECAhRDh6hGNU/CZHKln7HBpPT1BERGnzAFBgMrZXAwDzENMAsGA1UEAwwEd2VmdDAeFw0yNjEx",
    "MjUwNDQ0NTVaFw0zNjExMjIwNDQ0NTVaMA8xDTALBgNVBAMMBHdlZnQwKjAFBgMrZXADIQAF5P4js3aTfVo7Xahx",
    "r5IdHHN+Mtff5r9EDEwpRGbsvKNTMFEwHQYDVR0OBBYEFDSXLQjqffgyE8tItHH05XuVFhCWMB8GA1UdIwQYMBaA",
    "FDSXLQjqffgyE8tItHH05XuVFhCWMA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EAIm9UW776ZMBdHnLGhhEE4exF",
    "C/IRjY3syaDQlwvkvqc2mRHVgFBJ7pZ5yBobhLoz/3whtqYv/AcnHJiN9ht/CQ==",
  ].join(""),
);
const KEY = pem("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEIBeYsxxJMBT39kKJPMZkvNp9k/QUqIKrce8S0zKdhMfE");
const ENCRYPTED = pem("ENCRYPTED PRIVATE KEY", "AAAA");

/** RFC 7468. */
function pem(label: string, text: string): string {
  return `-----BEGIN ${label}-----\n${text.match(/.{1,64}/g)?.join("\n")}\n-----END ${label}-----\n`;
}

/** @returns a key in PEM that belongs to no certificate here */
function otherKey(): string {
  return String(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }));
}

Deno.test("checkClientCertificate() takes a pair, and says without any of it what is wrong with another", () => {
  checkClientCertificate({ certificate: CERTIFICATE, key: KEY });
  const own = otherKey();
  const cases: readonly (readonly [string, string, string, RegExp])[] = [
    ["no certificate", "", KEY, /--data-cert has no certificate/],
    ["a key for a certificate", KEY, KEY, /--data-cert has no certificate/],
    ["no key", CERTIFICATE, "", /--data-key has no private key/],
    ["a damaged key", CERTIFICATE, KEY.replace(/[A-Z]{2}/g, "??"), /--data-key has no private key/],
    ["a certificate for a key", CERTIFICATE, CERTIFICATE, /--data-key has no private key/],
    ["a key under a passphrase", CERTIFICATE, ENCRYPTED, /under a passphrase/],
    ["another key", CERTIFICATE, own, /not that of the certificate/],
  ];
  for (const [what, certificate, key, expected] of cases) {
    assert.throws(() => checkClientCertificate({ certificate, key }), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, expected, what);
      const lines = key.split("\n").filter((line) => line.length > 20 && !line.startsWith("-"));
      return lines.every((line) => !`${error.message} ${error.cause}`.includes(line));
    });
  }
});

Deno.test("hasExpired() compares the end of a certificate with a time", () => {
  const end = Date.parse("Nov 22 04:44:55 2036 GMT");
  assert.equal(hasExpired(CERTIFICATE, end - 1_000), false);
  assert.equal(hasExpired(CERTIFICATE, end + 1_000), true);
});
