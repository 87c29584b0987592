"""The page behind the link at the end of a notice."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from orders.notices.unsubscribing import TOPICS, read_token, unsubscribe


@csrf_exempt  # a mail program posts here with one click (RFC 8058); the signed address is what proves it may
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_page(request: HttpRequest) -> HttpResponse:
    """Asks on GET, because programs follow links of mails on their own; stops the notices on POST."""
    found = read_token(request.GET.get("token", ""))
    if found is None:
        raise Http404
    user, topic = found
    if request.method == "POST":
        unsubscribe(user, topic)
    context = {"marketplace": settings.MARKETPLACE_NAME, "topic": TOPICS[topic], "done": request.method == "POST"}
    page = render(request, "notices/unsubscribe.html", context)
    page["Referrer-Policy"] = "no-referrer"
    return page
