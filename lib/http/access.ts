/**
 * Who may read beyond the loopback: programs with the node's token, and browsers in which somebody has typed it.
 *
 *     Authorization: Bearer TOKEN           programs, RFC 6750 §2.1
 *     POST / with token=TOKEN ──► Cookie    browsers, for twelve hours or until the token is another one
 *
 * No URL holds the token, and nothing of the status is computed for who has not shown it.
 * @module
 */

import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { type Clock, Counters, KeyedRateLimiter } from "../base/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { VIEWS } from "../api/mod.ts";
import { loginResponse } from "./page/mod.ts";
import { problem } from "./problem.ts";

/** How often one source may show a wrong token at once, and then again. */
const WRONG_TOKENS = { burst: 10, everyMs: 6_000, maxSources: 4_096 };
/** How often the log says that somebody does. */
const WARNINGS = { burst: 1, everyMs: 60_000, maxSources: 1 };
const COOKIE = "weft-status";
const SESSION_MS = 12 * 3_600_000;
/** RFC 6750 §2.1: b64token; a longer one is none. */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,512}=*) *$/i;
/** What of an IPv6 address one sender has many of: the half behind the /64. */
const SITE_BYTES = 8;

/** Where a request came from, and to which of this host's addresses. */
export interface Connection {
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly localPort?: number;
}

/** What is known of a node's token. */
export interface TokenCheck {
  /** Compares in constant time. */
  matches(text: string): boolean;
  /** @returns what only who knows the token can make of `text`, in printable ASCII */
  sign(text: string): string;
}

/** Why a request was refused. */
export type AccessRefusal = "no-token" | "wrong-token" | "too-many-wrong-tokens";

/** Whose token it is, and where it is told that somebody tries. */
export interface AccessOptions {
  readonly token: TokenCheck;
  readonly clock: Clock;
  /** @returns whom an address stands for; `sourceOf` unless given */
  sourceOf?(address: string): string;
  /** Called now and then with the address of who has shown wrong tokens. */
  onWrongTokens?(from: string): void;
}

/** Lets requests of this machine through, and others with the token. */
export class Access {
  /** How many requests were refused, by reason. */
  readonly refusals: Counters<AccessRefusal> = new Counters([
    "no-token",
    "wrong-token",
    "too-many-wrong-tokens",
  ]);
  readonly #options: AccessOptions;
  readonly #wrong = new KeyedRateLimiter(WRONG_TOKENS);
  readonly #warnings = new KeyedRateLimiter(WARNINGS);

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** @returns what stands before the routes */
  middleware(): MiddlewareHandler {
    return async (context, next) => {
      const connection = connectionOf(context);
      if (connection === undefined || isLoopback(connection.localAddress)) return await next();
      const { method, path } = context.req;
      if (path === VIEWS.health.path) return await next();
      const source = (this.#options.sourceOf ?? sourceOf)(connection.remoteAddress);
      if (path === "/" && method === "POST") return await this.#logIn(context, source);
      const authorization = context.req.header("authorization");
      if (authorization !== undefined) {
        const token = BEARER.exec(authorization)?.[1];
        const refusal = this.#check(token ?? "", source);
        if (refusal === undefined) return await next();
        return this.#refuse(context, refusal);
      }
      if (this.#isLoggedIn(getCookie(context, COOKIE))) return await next();
      return this.#refuse(context, "no-token");
    };
  }

  async #logIn(context: Context, source: string): Promise<Response> {
    const token = new URLSearchParams(await context.req.text()).get("token")?.trim() ?? "";
    const refusal = this.#check(token, source);
    if (refusal !== undefined) return this.#refuse(context, refusal);
    const until = `${this.#options.clock.wall() + SESSION_MS}`;
    setCookie(context, COOKIE, `${until}.${this.#sessionMac(until)}`, {
      httpOnly: true,
      sameSite: "Strict",
      path: "/",
      maxAge: SESSION_MS / 1000,
    });
    // RFC 9110 §15.4.4: so that a reload asks for the page and sends no form again.
    return context.redirect("/", 303);
  }

  #isLoggedIn(cookie: string | undefined): boolean {
    const [, until, mac] = /^(\d{1,15})\.([0-9a-f]{64})$/.exec(cookie ?? "") ?? [];
    if (until === undefined || mac === undefined || Number(until) <= this.#options.clock.wall()) return false;
    // Of both another MAC, so that how long it takes to compare them says nothing.
    const { token } = this.#options;
    return token.sign(mac) === token.sign(this.#sessionMac(until));
  }

  #sessionMac(until: string): string {
    return this.#options.token.sign(`weft status session until ${until}`);
  }

  /** A source with too many wrong tokens is not even asked whether the next one is right. */
  #check(token: string, source: string): AccessRefusal | undefined {
    const { clock, token: own, onWrongTokens } = this.#options;
    const now = clock.now();
    if (!this.#wrong.wouldAllow(now, source)) return "too-many-wrong-tokens";
    if (token !== "" && own.matches(token)) return undefined;
    this.#wrong.allows(now, source);
    if (!this.#wrong.wouldAllow(now, source) && this.#warnings.allows(now, "")) onWrongTokens?.(source);
    return "wrong-token";
  }

  #refuse(context: Context, refusal: AccessRefusal): Response | Promise<Response> {
    this.refusals.count(refusal);
    if (refusal === "too-many-wrong-tokens") {
      context.header("retry-after", `${WRONG_TOKENS.everyMs / 1000}`);
      return problem(context, 429, "TooOften", "Too many wrong tokens came from there; wait a little");
    }
    // RFC 6750 §3: who has shown no token is told no error.
    const error = refusal === "wrong-token" ? ', error="invalid_token"' : "";
    context.header("www-authenticate", `Bearer realm="weft"${error}`);
    const wantsPage = /\btext\/html\b/.test(context.req.header("accept") ?? "");
    if (context.req.path === "/" && wantsPage) return loginResponse(context, refusal === "wrong-token");
    const message = refusal === "wrong-token"
      ? "That is not this node's token"
      : "This takes the token that `weft status token` prints on this node";
    return problem(context, 401, "Unauthorized", message);
  }
}

/** @returns how a request came here; undefined when it was handed in without a connection */
export function connectionOf(context: Context): Connection | undefined {
  const { env } = context as { readonly env: { readonly connection?: Connection } | undefined };
  return env?.connection;
}

/** What is sent to the loopback comes from this machine: the kernel drops what comes from elsewhere. */
function isLoopback(address: string): boolean {
  return IpAddress.parse(address)?.unmapped().isLoopback ?? false;
}

/**
 * @param address as a socket tells it
 * @param overlay a node's own addresses there: members have each one address of one /64, and no other
 * @returns what all addresses have in common that one sender has for free: an IPv4 address, or an IPv6 /64
 */
export function sourceOf(address: string, overlay: readonly IpAddress[] = []): string {
  const parsed = IpAddress.parse(address.replace(/%.*$/, ""))?.unmapped();
  if (parsed === undefined) return "";
  if (parsed.family === 4) return parsed.toString();
  const site = siteOf(parsed);
  const isMember = overlay.some((own) => own.family === 6 && siteOf(own) === site);
  return isMember ? parsed.toString() : `${site}::/64`;
}

function siteOf({ bytes }: IpAddress): string {
  return bytes.subarray(0, SITE_BYTES).toHex();
}
