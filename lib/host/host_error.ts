/**
 * What can go wrong between weft and the host's kernel.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** The kernel said no for a reason that has no class of its own. */
export class HostError extends WeftError {
  readonly code = "Host";
}

/** The process lacks CAP_NET_ADMIN. */
export class NotPermittedError extends WeftError {
  readonly code = "NotPermitted";

  /** @param what what was being done, as in `open a network interface` */
  constructor(what: string) {
    super(`Cannot ${what}: that needs root, or the capability CAP_NET_ADMIN`, {
      hint: "Run as root, or use --rootless to join without a network interface.",
    });
  }
}

/** The kernel has no TUN device. */
export class NoTunDeviceError extends WeftError {
  readonly code = "NoTunDevice";

  constructor() {
    super("Cannot open a network interface: /dev/net/tun does not exist or has no driver", {
      hint:
        "Load the driver with `modprobe tun` (in a container: pass --device /dev/net/tun), or use --rootless.",
      retryable: true,
    });
  }
}

/** An interface of that name is in use. */
export class InterfaceExistsError extends WeftError {
  readonly code = "InterfaceExists";

  /** @param name the interface's name */
  constructor(name: string) {
    super(`Cannot make the interface ${name}: there is one of that name`, {
      hint: `Stop what uses ${name}, or choose another name with --interface.`,
      retryable: true,
    });
  }
}
