"""Addresses of the pages of the review."""

from django.urls import include, path

from studio.review.views import deciding, intakes, queues

in_queue = [
    path("", deciding.review, name="review-queue"),
    path("items/<int:item_id>/decide", deciding.decide_item, name="decide-item"),
    path("items/<int:item_id>/picture", deciding.picture, name="item-picture"),
    path("items/<int:item_id>/heat-map", deciding.heat_map, name="item-heat-map"),
    path("undo", deciding.undo, name="undo-decision"),
    path("disputes", deciding.disputes, name="review-disputes"),
    path("results", queues.results, name="review-results"),
    path("accept", queues.accept_items, name="accept-items"),
    path("intakes", intakes.intakes, name="review-intakes"),
    path("intakes/add", intakes.add_intake, name="add-intake"),
    path("intakes/<int:intake_id>", intakes.intake, name="review-intake"),
    path("intakes/<int:intake_id>/cancel", intakes.cancel_intake, name="cancel-intake"),
]

urlpatterns = [
    path("datasets/<str:dataset>/review", queues.queues, name="reviews"),
    path("datasets/<str:dataset>/review/add", queues.add_queue, name="add-review-queue"),
    path("datasets/<str:dataset>/review/<int:queue_id>/", include(in_queue)),
]
