/**
 * A client's certificate and its key, before a server sees them.
 * @module
 */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { DataError } from "../errors.ts";
import type { ClientCertificate } from "./nats_server.ts";

/** A key in PKCS #8 and one of former formats, under a passphrase (RFC 7468, section 11; RFC 1421, section 4.6.1.1). */
const ENCRYPTED = /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/**
 * Checks what TLS would send as if it was right, or refuse without saying why.
 * @throws DataError when one of both can't be read, or they don't belong together; nothing of the key is in it
 */
export function checkClientCertificate({ certificate, key }: ClientCertificate): void {
  const read = readCertificate(certificate);
  if (!read.checkPrivateKey(readKey(key))) {
    throw new DataError("Failed", "The key of --data-key is not that of the certificate of --data-cert");
  }
}

/** @returns whether a certificate that can be read is good no more @param wallMs since 1970 */
export function hasExpired(certificate: string, wallMs: number): boolean {
  return Date.parse(readCertificate(certificate).validTo) < wallMs;
}

function readCertificate(text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw new DataError("Failed", "The file of --data-cert has no certificate in PEM");
  }
}

function readKey(text: string): KeyObject {
  if (ENCRYPTED.test(text)) {
    throw new DataError(
      "Failed",
      "The key of --data-key is under a passphrase, which nobody is there to type",
    );
  }
  try {
    return createPrivateKey(text);
  } catch {
    // What the parser says could have some of it.
    throw new DataError("Failed", "The file of --data-key has no private key in PEM");
  }
}
