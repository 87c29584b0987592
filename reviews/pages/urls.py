from django.urls import path

from reviews.pages.product import ProductPage
from reviews.pages.votes import VoteButton

urlpatterns = [
    path("products/<uuid:pk>/", ProductPage.as_view(), name="product-page"),
    path("reviews/<uuid:pk>/vote/", VoteButton.as_view(), name="vote-button"),
]
