from django.urls import path

from reports.api.cases import CaseClaim, CaseDecisions, CaseDetail, CaseList, CaseRelease, NextCase
from reports.api.decisions import (
    AppealList,
    AppealRuling,
    AuthorLookBack,
    CaseLookBack,
    DecisionList,
    DecisionUndo,
    LookBackUndo,
    ProposalApproval,
    ProposalList,
    ProposalRefusal,
)
from reports.api.reports import EvidenceFile, MyReports, ReportCollection, ReportDetail, ReportEvidence
from reports.api.statements import DecisionAppeal, MyDecisions
from reports.api.transparency import Transparency

urlpatterns = [
    path("reports/", ReportCollection.as_view(), name="reports"),
    path("reports/<uuid:pk>/", ReportDetail.as_view(), name="report"),
    path("reports/<uuid:pk>/evidence/", ReportEvidence.as_view(), name="report-evidence"),
    path("me/reports/", MyReports.as_view(), name="my-reports"),
    path("me/decisions/", MyDecisions.as_view(), name="my-decisions"),
    path("decisions/<uuid:pk>/appeal/", DecisionAppeal.as_view(), name="decision-appeal"),
    path("transparency/", Transparency.as_view(), name="transparency"),
    path("moderation/cases/", CaseList.as_view(), name="moderation-cases"),
    path("moderation/cases/next/", NextCase.as_view(), name="moderation-next"),
    path("moderation/cases/<uuid:pk>/", CaseDetail.as_view(), name="moderation-case"),
    path("moderation/cases/<uuid:pk>/claim/", CaseClaim.as_view(), name="moderation-claim"),
    path("moderation/cases/<uuid:pk>/release/", CaseRelease.as_view(), name="moderation-release"),
    path("moderation/cases/<uuid:pk>/decisions/", CaseDecisions.as_view(), name="moderation-decide"),
    path("moderation/decisions/", DecisionList.as_view(), name="moderation-decisions"),
    path("moderation/decisions/<uuid:pk>/undo/", DecisionUndo.as_view(), name="moderation-undo"),
    path("moderation/appeals/", AppealList.as_view(), name="moderation-appeals"),
    path("moderation/appeals/<uuid:pk>/ruling/", AppealRuling.as_view(), name="moderation-ruling"),
    path("moderation/proposals/", ProposalList.as_view(), name="moderation-proposals"),
    path("moderation/proposals/<uuid:pk>/approve/", ProposalApproval.as_view(), name="moderation-approve"),
    path("moderation/proposals/<uuid:pk>/refuse/", ProposalRefusal.as_view(), name="moderation-refuse"),
    path("moderation/authors/<uuid:pk>/look-back/", AuthorLookBack.as_view(), name="moderation-look-back"),
    path("moderation/cases/<uuid:pk>/look-back/", CaseLookBack.as_view(), name="moderation-case-look-back"),
    path("moderation/look-backs/<uuid:pk>/undo/", LookBackUndo.as_view(), name="moderation-look-back-undo"),
    path("moderation/evidence/<uuid:pk>/", EvidenceFile.as_view(), name="moderation-evidence"),
]
