/**
 * Bounds and patterns of what members are called and tokens allow.
 * @module
 */

/** The longest DNS label, in characters (RFC 1035 §2.3.4). */
export const MAX_NAME_LENGTH = 63;
/** A lower-case DNS label of letters, digits and inner hyphens (RFC 1123 §2.1). */
export const NODE_NAME: RegExp = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Labels that no member is called, and below which none adds names: what the zone itself says (`leader`, `node-1-100`);
 * what resolvers and hosts files answer (RFC 6761 §6.3, `ip6-localhost`, `broadcasthost`); what programs look for by the
 * search list, unasked (WPAD, ISATAP: RFC 5214 §8.3.2); and ends of names that are often looked for in vain, so that the
 * search list is tried next (RFC 6762 §3, RFC 8375, RFC 7686, `internal`, and the oldest domains of the Internet).
 */
export const RESERVED_LABEL: RegExp =
  /^(leader|node(-\d{1,3}){2,16}|localhost\d?|localdomain\d?|ip6-.*|broadcasthost|wpad|isatap|local|internal|arpa|onion|com|net|org|_.*)$/;
/**
 * Labels that no member is called either, since programs take them for IPv4 addresses and look for no name: `10` is 0.0.0.10
 * (inet_aton(3); URL Standard §3.5, by which no larger number is a host).
 */
export const NUMBER_LABEL: RegExp = /^(\d+|0x[0-9a-f]*)$/;

/** How many labels one member may have. */
export const MAX_LABELS = 32;
/** How many characters all keys and values may have together, so that a record always has room for them. */
export const MAX_LABELS_LENGTH = 2048;
/** A label's key. */
export const LABEL_KEY: RegExp = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
/** A label's value: what a selector can name without quotes. */
export const LABEL_VALUE: RegExp = /^[A-Za-z0-9._/-]{0,63}$/;

/** How many patterns of one kind a member may be granted. */
export const MAX_GRANTS = 32;
/** How many characters all that a member is granted may have together, so that a record always has room for it. */
export const MAX_GRANTS_LENGTH = 1024;
/** How many service paths a member gets by being the first to ask. */
export const MAX_CLAIMS = 16;
/** A pattern of topics or service paths; `*:` before it means every network of topics. */
export const TOPIC_GRANT: RegExp =
  /^(\*:|[A-Za-z0-9_.$-]{1,64}:)?[A-Za-z0-9_.$*>{}-]+(\/[A-Za-z0-9_.$*>{}-]+){0,15}$/;
/** A name below the zone, of which the first label may be `*`; `*` alone is every name. */
export const NAME_GRANT: RegExp = /^(\*|[a-z0-9_-]{1,63})(\.[a-z0-9_-]{1,63}){0,15}$/;

/** How long an ephemeral member may be away at least before it is removed, in milliseconds. */
export const MIN_EPHEMERAL_MS = 1_000;
/** And at most: a year. */
export const MAX_EPHEMERAL_MS: number = 365 * 86_400_000;
/** How long a token may live at most, in milliseconds: ten years. */
export const MAX_TOKEN_LIFETIME_MS: number = 3650 * 86_400_000;
/** How many admissions a token with a limit may allow. */
export const MAX_TOKEN_USES = 65_536;
/** How many prefixes may be behind one device. */
export const MAX_ALLOWED_IPS = 64;
/** What WireGuard's 16 bits of a keepalive hold, in seconds. */
export const MAX_KEEPALIVE_SECONDS = 65_535;
/** The longest text of an address. */
export const MAX_ADDRESS_LENGTH = 45;
/** A passphrase of a recovery file has so many characters at most: a longer one is a mistake. */
export const MAX_PASSPHRASE_LENGTH = 1024;
/** A longer text is no recovery file; it fits a request to an agent. */
export const MAX_RECOVERY_TEXT_LENGTH: number = 48 << 10;
