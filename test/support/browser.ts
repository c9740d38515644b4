/** Debian's Chromium without a window, as all tests of pages start it. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Without a browser nothing is tested: in CI that is a failure, elsewhere it is said. */
export const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser) {
  const text = `no Chromium at ${CHROMIUM}: no page was tested`;
  if (process.env.CI === "true") throw new Error(text);
  console.warn(`SKIPPED: ${text}`);
}

/** What the browser does for a person in front of it. */
const UNUSED = [
  // Two hidden pages of its own under the address bar of every window, which take longer to start than the page that is tested.
  "WebUIOmniboxPopup",
  "WebUIOmniboxAimPopup",
  "WebUIOmniboxFullPopup",
  // The last flag counts, so what playwright turns off is turned off again: questions to servers, the wait before a first picture.
  "AimEnabled",
  "HttpsUpgrades",
  "LensOverlay",
  "MediaRouter",
  "NetworkTimeServiceQuerying",
  "OptimizationHints",
  "PaintHolding",
  "PreconnectToSearch",
];

/** Starts it; `more` are further flags. */
export function launchBrowser(...more: string[]): Promise<Browser> {
  const args = ["--no-sandbox", "--disable-gpu", `--disable-features=${UNUSED.join(",")}`, ...more];
  return chromium.launch({ executablePath: CHROMIUM, args });
}
