from django.urls import path

from reviews.api.photos import PhotoFile, PhotoThumbnail, ReviewPhotoDetail, ReviewPhotos
from reviews.api.products import ProductDetail, ProductList, ProductRatingView, ProductReviews
from reviews.api.replies import ReviewReply
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
    path("reviews/<uuid:pk>/reply/", ReviewReply.as_view(), name="review-reply"),
    path("reviews/<uuid:pk>/photos/", ReviewPhotos.as_view(), name="review-photos"),
    path("reviews/<uuid:pk>/photos/<uuid:photo_id>/", ReviewPhotoDetail.as_view(), name="review-photo"),
    path("photos/<uuid:pk>/", PhotoFile.as_view(), name="photo"),
    path("photos/<uuid:pk>/thumbnail/", PhotoThumbnail.as_view(), name="photo-thumbnail"),
    path("me/reviews/", MyReviews.as_view(), name="my-reviews"),
]
