import htmx from "htmx.org";

import { say } from "./dom";
import { toast } from "./toast";

declare global {
  interface Window {
    htmx: typeof htmx;
  }
}

function csrfToken(): string {
  const meta = document.querySelector<HTMLMetaElement>("meta[name='csrf-token']")?.content;
  const field = document.querySelector<HTMLInputElement>("input[name='csrfmiddlewaretoken']")?.value;
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  return meta || field || (cookie ? decodeURIComponent(cookie) : "");
}

/** htmx as this house uses it: no eval, the CSRF header on every write, a refusal may carry a fragment. */
export function startHtmx(): void {
  window.htmx = htmx;
  htmx.config.allowEval = false; // so that a strict Content-Security-Policy holds
  htmx.config.includeIndicatorStyles = false;
  htmx.config.selfRequestsOnly = true;
  htmx.config.historyCacheSize = 0; // contact details must not stay in the browser's storage
  htmx.config.defaultSwapStyle = "outerHTML";
  htmx.config.responseHandling = [
    { code: "204", swap: false },
    { code: "[23]..", swap: true },
    { code: "(409|422)", swap: true, error: true }, // a refusal, or somebody was quicker: show what is true now
    { code: "[45]..", swap: false, error: true },
  ];

  document.addEventListener("htmx:configRequest", (event) => {
    const { headers, verb } = (event as CustomEvent<{ headers: Record<string, string>; verb: string }>).detail;
    if (verb !== "get") headers["X-CSRFToken"] = csrfToken();
  });

  document.addEventListener("htmx:sendError", () =>
    toast({ text: say("连不上服务器，刚才的操作没有保存。连上后再做一次。", "The server cannot be reached; nothing was saved. Try again when it is back.") }),
  );

  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = (event as CustomEvent<{ xhr: XMLHttpRequest }>).detail;
    if (xhr.getResponseHeader("HX-Trigger") || xhr.status === 409 || xhr.status === 422) return; // it has spoken for itself
    if (xhr.status === 403)
      toast({ text: say("你的角色不能做这一步，或登录已过期。刷新页面再试。", "Your role may not do this, or you were signed out. Reload the page.") });
    else
      toast({ text: say(`没有保存（${xhr.status}）。刷新页面再试；再出现就告诉系统管理员。`, `Not saved (${xhr.status}). Reload and try again; if it happens again, tell your administrator.`) });
  });
}
