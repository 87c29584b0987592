from django.urls import path

from reviews.api.products import ProductDetail, ProductList, ProductRatingView, ProductReviews
from reviews.api.reviews import Eligibility, MyReviews, ReviewCollection, ReviewDetail, ReviewHistory
from reviews.api.votes import ReviewVoteView

urlpatterns = [
    path("products/", ProductList.as_view(), name="products"),
    path("products/<uuid:pk>/", ProductDetail.as_view(), name="product"),
    path("products/<uuid:pk>/reviews/", ProductReviews.as_view(), name="product-reviews"),
    path("products/<uuid:pk>/rating/", ProductRatingView.as_view(), name="product-rating"),
    path("reviews/", ReviewCollection.as_view(), name="reviews"),
    path("reviews/eligibility/", Eligibility.as_view(), name="review-eligibility"),
    path("reviews/<uuid:pk>/", ReviewDetail.as_view(), name="review"),
    path("reviews/<uuid:pk>/history/", ReviewHistory.as_view(), name="review-history"),
    path("reviews/<uuid:pk>/vote/", ReviewVoteView.as_view(), name="review-vote"),
    path("me/reviews/", MyReviews.as_view(), name="my-reviews"),
]
