/**
 * The options of the servers that keep collections, in the table of all.
 * @module
 */

import * as z from "zod";
import type { Field, OptionName } from "./field.ts";
import { pathText } from "./field_schemas.ts";

/** No user and password: everybody on the machine would see them. */
const SERVERS = /^(?:nats|tls):\/\/[^@/?#\s]+\/?(?:\?replicas=[1-5])?$/;

type DataOption = "data" | "dataCredentials" | "dataAuthority" | "dataCertificate" | "dataKey";

/** Of the options that say where collections are, beside the state directory. */
export const DATA_FIELDS: {
  readonly [Key in OptionName & DataOption]-?: Field<Key>;
} = {
  data: {
    flag: "data",
    value: "nats://host:port",
    help: "servers of NATS JetStream that keep new collections, in place of this node alone",
    initial: undefined,
    initialText: "collections are in the state of the node that makes them",
    schema: () => z.string().max(1_024).regex(SERVERS),
    rule: "collections are kept by nats://HOST:PORT or tls://HOST:PORT, several hosts with commas between",
    hint: "Credentials stand in a file, which --data-credentials names.",
  },
  dataCredentials: {
    flag: "data-credentials",
    value: "file",
    help: "what lets in there: a file of nsc, an nkey's seed, USER:PASSWORD, or a token",
    initial: undefined,
    initialText: "none",
    schema: pathText,
    rule: "the credentials are in a file",
    hint: "Name a file that only its owner can read, for example --data-credentials /etc/weft/nats.creds.",
  },
  dataAuthority: {
    flag: "data-ca",
    value: "file",
    help: "certificates of who vouches for those servers",
    initial: undefined,
    initialText: "those of this host",
    schema: pathText,
    rule: "the certificates are in a file",
    hint: "Name a file in PEM, for example --data-ca /etc/weft/nats-ca.pem.",
  },
  dataCertificate: {
    flag: "data-cert",
    value: "file",
    help: "the certificate by which this node proves there who it is, with --data-key",
    initial: undefined,
    initialText: "none",
    schema: pathText,
    rule: "the certificate is in a file",
    hint: "Name a file in PEM, for example --data-cert /etc/weft/nats-client.pem.",
  },
  dataKey: {
    flag: "data-key",
    value: "file",
    help: "the private key of that certificate",
    initial: undefined,
    initialText: "none",
    schema: pathText,
    isUnspoken: true,
    rule: "the key is in a file",
    hint:
      "Name a file in PEM that only its owner can read, for example --data-key /etc/weft/nats-client-key.pem.",
  },
};
