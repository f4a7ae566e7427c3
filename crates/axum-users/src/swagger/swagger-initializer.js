// A file and not a part of the page, so that the page's policy can forbid inline scripts.
// Addresses are relative to the page: it works under any mount and behind any proxy.
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: new URL("openapi.json", window.location.href).href,
    oauth2RedirectUrl: new URL("docs/oauth2-redirect", window.location.href).href,
    dom_id: "#swagger-ui",
    layout: "BaseLayout",
    deepLinking: true,
    showExtensions: true,
    showCommonExtensions: true,
    persistAuthorization: false,
    // The badge would send the document's address to a third party.
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  });
});
