/**
 * Command-line flags of the Chromium that a fleet runs, each with its reason. Seen with Chromium 156, headless, on
 * Linux without a GPU:
 *
 *   flags                                                navigator.gpu.requestAdapter()
 *   none                                                 null (navigator.gpu is there)
 *   --enable-unsafe-webgpu                               google / swiftshader, isFallbackAdapter true
 *   --use-webgpu-adapter=swiftshader alone               null
 *   --enable-unsafe-webgpu --use-webgpu-adapter=...      google / swiftshader, isFallbackAdapter true
 *   --enable-unsafe-webgpu --enable-features=Vulkan      google / swiftshader (no GPU there to find)
 *
 * Playwright adds its own set, among them what keeps headless pages at full speed (no timer throttling, no
 * backgrounding) and quiet (no background networking, no component updates); those are not repeated here, except where
 * a list of ours replaces a list of Playwright's: of two `--disable-features`, Chromium obeys the last.
 */

export type AdapterWish = 'hardware' | 'software';

export interface BrowserFlags {
  readonly args: readonly string[];
  readonly chromiumSandbox: boolean;
}

const DISABLED_FEATURES = [
  // Host candidates would be `<uuid>.local` names, which resolve by multicast only; containers often have none, and
  // two browsers of one machine then never connect. A fleet's pages hide nothing from each other.
  'WebRtcHideLocalIpsWithMdns',
  // Chaos puts a saboteur before the worker's script; a script that did not come over the network counts as a stranger's,
  // and a stranger's may not open a socket to localhost.
  'LocalNetworkAccessChecks',
  'LocalNetworkAccessChecksWebSockets',
  // From Playwright's list, which this one replaces: no lookups of strangers' servers, no upgrade of http://localhost.
  'HttpsUpgrades',
  'HttpsFirstBalancedModeAutoEnable',
  'MediaRouter',
  'OptimizationHints',
  'NetworkTimeServiceQuerying',
  'PreconnectToSearch',
  'AimEnabled',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'PaintHolding',
];

/** `isRoot`: Chromium's sandbox refuses to run as root; only there is it switched off. */
export function browserFlags(wish: AdapterWish, { isRoot }: { isRoot: boolean }): BrowserFlags {
  const args = [
    // Without it a headless browser has `navigator.gpu` and a null adapter.
    '--enable-unsafe-webgpu',
    `--disable-features=${DISABLED_FEATURES.join(',')}`,
  ];
  switch (wish) {
    case 'software':
      args.push('--use-webgpu-adapter=swiftshader');
      break;
    case 'hardware':
      // On Linux WebGPU needs Vulkan, which is off by default in many builds, and drivers unknown to the blocklist.
      args.push('--ignore-gpu-blocklist');
      if (process.platform === 'linux') args.push('--enable-features=Vulkan');
      break;
    default:
      wish satisfies never;
  }
  return { args, chromiumSandbox: !isRoot };
}
